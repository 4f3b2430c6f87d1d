//! The keys of `warrener.yaml`, with the words that people may know them by.

use crate::policy::decode::Mapping;

pub(in crate::config) const CONFIG: Mapping = Mapping {
    name: "the configuration",
    keys: &[
        "version",
        "listen",
        "insecure",
        "allowed_origins",
        "upstream",
        "policies",
        "guardrails",
        "schema",
        "audit",
        "keys",
        "stops",
        "identity",
        "limits",
        "metrics",
        "telemetry",
    ],
    words: &[
        ("address", "listen"),
        ("port", "write `listen: 127.0.0.1:8080`"),
        ("host", "write `listen: 127.0.0.1:8080`"),
        ("bind", "listen"),
        ("directus", "upstream"),
        ("url", "it stands in `upstream`"),
        ("token", "it stands in `upstream`, as `token_env` or `token_file`"),
        ("policy", "policies"),
        ("database", "audit"),
        ("trail", "audit"),
        ("origins", "allowed_origins"),
        ("cors", "allowed_origins"),
        ("key_file", "keys"),
        ("stop", "stops"),
        ("tls", "it stands in `listen`, beside `address`"),
        ("trusted_proxies", "it stands in `listen`, beside `address`"),
        ("allowed_hosts", "it stands in `listen`, beside `address`"),
        ("prometheus", "metrics"),
        ("tracing", "telemetry"),
        ("otlp", "it stands in `telemetry`"),
    ],
};

pub(in crate::config) const LISTEN: Mapping = Mapping {
    name: "`listen`",
    keys: &["address", "insecure", "allowed_origins", "allowed_hosts", "trusted_proxies", "tls"],
    words: &[
        ("host", "address"),
        ("port", "write it into the address: `127.0.0.1:8080`"),
        ("origins", "allowed_origins"),
        ("hosts", "allowed_hosts"),
        ("proxies", "trusted_proxies"),
        ("certificate", "it stands in `tls`"),
        ("key", "it stands in `tls`"),
        ("ssl", "tls"),
    ],
};

pub(in crate::config) const TLS: Mapping = Mapping {
    name: "`tls`",
    keys: &["certificate", "key", "client_ca", "client_certificates"],
    words: &[
        ("cert", "certificate"),
        ("cert_file", "certificate"),
        ("certificate_file", "certificate"),
        ("key_file", "key"),
        ("private_key", "key"),
        ("ca", "client_ca"),
        ("client_auth", "client_certificates"),
    ],
};

pub(in crate::config) const UPSTREAM: Mapping = Mapping {
    name: "`upstream`",
    keys: &[
        "url",
        "token_env",
        "token_file",
        "schema_token_env",
        "schema_token_file",
        "timeout",
        "connect_timeout",
        "command",
        "args",
        "env",
    ],
    words: &[
        ("token", "a secret does not stand in this file: use `token_env` or `token_file`"),
        ("access_token", "a secret does not stand in this file: use `token_env` or `token_file`"),
        (
            "schema_token",
            "a secret does not stand in this file: use `schema_token_env` or `schema_token_file`",
        ),
        ("address", "url"),
        ("base_url", "url"),
        ("arguments", "args"),
        ("environment", "env"),
    ],
};

pub(in crate::config) const ENV_SECRET: Mapping = Mapping {
    name: "a secret in `env`",
    keys: &["env", "file"],
    words: &[("variable", "env"), ("path", "file")],
};

pub(in crate::config) const SCHEMA: Mapping =
    Mapping { name: "`schema`", keys: &["max_age", "file"], words: &[("ttl", "max_age"), ("path", "file")] };

pub(in crate::config) const AUDIT: Mapping = Mapping {
    name: "`audit`",
    keys: &[
        "url",
        "arguments",
        "on_failure",
        "signing_key",
        "checkpoints",
        "retention",
        "activity_token_env",
        "activity_token_file",
        "feed",
    ],
    words: &[
        ("database", "url"),
        ("path", "url"),
        ("file", "write `url: sqlite://warrener.db`"),
        ("key", "signing_key"),
        ("signing_key_file", "signing_key"),
        ("checkpoint", "checkpoints"),
        ("prune", "retention"),
        ("keep", "retention"),
        ("max_age", "retention"),
        (
            "activity_token",
            "a secret does not stand in this file: use `activity_token_env` or `activity_token_file`",
        ),
        ("export", "feed"),
        ("jsonl", "feed"),
    ],
};

pub(in crate::config) const CHECKPOINTS: Mapping = Mapping {
    name: "`checkpoints`",
    keys: &["every", "to"],
    words: &[("interval", "every"), ("file", "to"), ("path", "to")],
};

pub(in crate::config) const IDENTITY: Mapping = Mapping {
    name: "`identity`",
    keys: &["refuse", "same_resource", "passthrough", "certificates", "jwt"],
    words: &[
        ("deny", "refuse"),
        ("block", "refuse"),
        ("client_certificates", "certificates"),
        ("oauth", "same_resource"),
        ("directus", "same_resource"),
        ("static_tokens", "passthrough"),
        ("pass_through", "passthrough"),
        ("oidc", "jwt"),
        ("openid", "jwt"),
    ],
};

pub(in crate::config) const SAME_RESOURCE: Mapping = Mapping {
    name: "`same_resource`",
    keys: &["public_url", "roles"],
    words: &[("url", "public_url"), ("role", "roles")],
};

pub(in crate::config) const PASSTHROUGH: Mapping =
    Mapping { name: "`passthrough`", keys: &["roles"], words: &[("role", "roles")] };

pub(in crate::config) const CERTIFICATE: Mapping = Mapping {
    name: "a certificate",
    keys: &["sha256", "san", "name", "role", "token_env", "token_file"],
    words: &[
        ("fingerprint", "sha256"),
        ("uri", "san"),
        ("dns", "san"),
        ("cn", "write `san`: the subject is not looked at"),
        ("subject", "write `san`: the subject is not looked at"),
        ("token", "a secret does not stand in this file: use `token_env` or `token_file`"),
    ],
};

pub(in crate::config) const JWT: Mapping = Mapping {
    name: "`jwt`",
    keys: &[
        "issuer",
        "audience",
        "resource",
        "jwks_url",
        "jwks_max_age",
        "jwks_keep",
        "algorithms",
        "role_claim",
        "roles",
        "principal_claim",
        "leeway",
        "token_env",
        "token_file",
        "scopes",
    ],
    words: &[
        ("iss", "issuer"),
        ("aud", "audience"),
        ("public_url", "resource"),
        ("jwks_uri", "jwks_url"),
        ("jwks", "jwks_url"),
        ("alg", "algorithms"),
        ("claim", "role_claim"),
        ("name_claim", "principal_claim"),
        ("clock_skew", "leeway"),
        ("token", "a secret does not stand in this file: use `token_env` or `token_file`"),
    ],
};

pub(in crate::config) const JWT_ROLE: Mapping = Mapping {
    name: "a role of `jwt`",
    keys: &["role", "token_env", "token_file"],
    words: &[("token", "a secret does not stand in this file: use `token_env` or `token_file`")],
};

pub(in crate::config) const LIMITS: Mapping = Mapping {
    name: "`limits`",
    keys: &[
        "body_bytes",
        "inspect_bytes",
        "connections",
        "max_in_flight",
        "breaker_failures",
        "breaker_pause",
        "header_timeout",
        "body_timeout",
        "call_timeout",
        "drain_timeout",
        "arrivals",
        "arrivals_in_url",
        "strangers",
    ],
    words: &[
        ("body", "body_bytes"),
        ("body_size", "body_bytes"),
        ("max_connections", "connections"),
        ("in_flight", "max_in_flight"),
        ("concurrency", "max_in_flight"),
        ("breaker", "breaker_failures"),
        ("max_bytes", "inspect_bytes"),
        ("rate", "how often a role may call stands in its policy file"),
    ],
};

pub(in crate::config) const METRICS: Mapping = Mapping {
    name: "`metrics`",
    keys: &["listen", "insecure"],
    words: &[("address", "listen"), ("port", "write `listen: 127.0.0.1:9090`"), ("bind", "listen")],
};

pub(in crate::config) const TELEMETRY: Mapping = Mapping {
    name: "`telemetry`",
    keys: &["otlp", "sample"],
    words: &[("endpoint", "otlp"), ("url", "otlp"), ("ratio", "sample"), ("sampling", "sample")],
};
