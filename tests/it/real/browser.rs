//! Somebody in front of a browser, and the client that sent them there: Directus' OAuth, step by step.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

/// Where the client would listen for the code.
const CALLBACK: &str = "http://127.0.0.1:7777/callback";

/// A text that the client keeps to itself until it exchanges the code.
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more-0123456789";

/// What every user of the seed has.
const PASSWORD: &str = "Passw0rd!x";

/// A client that has found Directus at this address.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    url: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

/// What a client holds in the end.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) client: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Browser {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), http: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Registers, has the user log in and consent, and exchanges the code.
    pub(crate) async fn signs_in(&self, email: &str) -> Grant {
        let metadata = self.get_json("/.well-known/oauth-protected-resource/mcp").await;
        assert_eq!(metadata["resource"], format!("{}/mcp", self.url), "{metadata}");
        let registration = json!({"client_name": "test", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"]});
        let registered =
            self.post("/mcp-oauth/register", "application/json", registration.to_string(), &[]).await;
        let client = json(registered, StatusCode::CREATED).await["client_id"].as_str().unwrap().to_owned();
        let cookie = self.logs_in(email).await;
        let code = self.consents(&client, &cookie).await;
        let form = form(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("client_id", &client),
            ("code_verifier", VERIFIER),
        ]);
        let exchanged = self.post("/mcp-oauth/token", FORM, form, &[]).await;
        let tokens = json(exchanged, StatusCode::OK).await;
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        Grant { client, access: text("access_token"), refresh: text("refresh_token") }
    }

    /// Takes the grant back, as a client does that signs out.
    pub(crate) async fn revokes(&self, grant: &Grant) {
        let form = form(&[("client_id", &grant.client), ("token", &grant.refresh)]);
        let reply = self.post("/mcp-oauth/revoke", FORM, form, &[]).await;
        assert_eq!(reply.status(), StatusCode::OK);
    }

    /// Changes something by REST, as an administrator does.
    pub(crate) async fn patch(&self, path: &str, token: &str, change: &Value) {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let reply = self.send(Method::PATCH, path, change.to_string(), &headers).await;
        assert!(reply.status().is_success(), "{path}: {}", reply.status());
    }

    pub(crate) async fn get_json_as(&self, path: &str, token: &str) -> Value {
        let bearer = format!("Bearer {token}");
        let reply = self.send(Method::GET, path, String::new(), &[("authorization", &bearer)]).await;
        json(reply, StatusCode::OK).await
    }

    async fn get_json(&self, path: &str) -> Value {
        json(self.send(Method::GET, path, String::new(), &[]).await, StatusCode::OK).await
    }

    /// The session cookie.
    async fn logs_in(&self, email: &str) -> String {
        let credentials = json!({"email": email, "password": PASSWORD, "mode": "session"});
        let reply = self.post("/auth/login", "application/json", credentials.to_string(), &[]).await;
        assert_eq!(reply.status(), StatusCode::OK);
        let cookies = reply.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        let session = cookies.filter_map(|cookie| cookie.split(';').next());
        session.into_iter().find(|cookie| cookie.starts_with("directus_session_token=")).unwrap().to_owned()
    }

    /// The code that the consent page sends to the client.
    async fn consents(&self, client: &str, cookie: &str) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let query = form(&[
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", CALLBACK),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("scope", "mcp:access"),
            ("resource", &format!("{}/mcp", self.url)),
        ]);
        let path = format!("/mcp-oauth/authorize?{query}");
        let page = self.send(Method::GET, &path, String::new(), &[("cookie", cookie)]).await;
        assert_eq!(page.status(), StatusCode::OK, "{:?}", page.headers().get("location"));
        let page = text(page).await;
        let hidden = page.split("name=\"signed_params\"").nth(1).unwrap_or_else(|| panic!("{page}"));
        let signed = hidden.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
        let decision = form(&[("signed_params", signed), ("approved", "true")]);
        let headers = [("cookie", cookie), ("origin", self.url.as_str())];
        let decided = self.post("/mcp-oauth/authorize/decision", FORM, decision, &headers).await;
        assert_eq!(decided.status(), StatusCode::FOUND);
        let location = decided.headers()["location"].to_str().unwrap().parse::<url::Url>().unwrap();
        let code = location.query_pairs().find(|(name, _)| name == "code");
        code.unwrap_or_else(|| panic!("{location}")).1.into_owned()
    }

    async fn post(
        &self,
        path: &str,
        content_type: &str,
        body: String,
        headers: &[(&str, &str)],
    ) -> Response<hyper::body::Incoming> {
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", content_type)]).collect();
        self.send(Method::POST, path, body, &headers).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: String,
        headers: &[(&str, &str)],
    ) -> Response<hyper::body::Incoming> {
        let builder = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        self.http.request(builder.body(Full::from(body)).unwrap()).await.unwrap()
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn json(reply: Response<hyper::body::Incoming>, expect: StatusCode) -> Value {
    let status = reply.status();
    let text = text(reply).await;
    assert_eq!(status, expect, "{text}");
    serde_json::from_str(&text).unwrap()
}

async fn text(reply: Response<hyper::body::Incoming>) -> String {
    let body = reply.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&body).into_owned()
}
