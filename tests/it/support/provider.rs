//! A small OpenID provider on the loopback interface, with real keys, that can be slow, babble or be gone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, LazyLock, Mutex};
use tokio::net::{TcpListener, TcpStream};

/// A key of the provider's, with its name.
#[derive(Clone)]
pub(crate) struct Signer {
    id: String,
    key: EncodingKey,
    algorithm: Algorithm,
    /// Its public half, without a name.
    published: Value,
}

/// One takes long to find, so all tests share it.
static RSA: LazyLock<EncodingKey> = LazyLock::new(|| {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap()
});

impl Signer {
    pub(crate) fn rsa(id: &str) -> Self {
        Self::new(id, RSA.clone(), Algorithm::RS256)
    }

    pub(crate) fn p256(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        Self::new(id, EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap(), Algorithm::ES256)
    }

    pub(crate) fn ed25519(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let key = EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key_raw());
        let published = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        Self { id: id.to_owned(), key, algorithm: Algorithm::EdDSA, published }
    }

    fn new(id: &str, key: EncodingKey, algorithm: Algorithm) -> Self {
        let mut published = serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap();
        published.as_object_mut().unwrap().remove("alg");
        Self { id: id.to_owned(), key, algorithm, published }
    }

    /// The same key, used in another way.
    pub(crate) fn by(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The public half, as it is published.
    pub(crate) fn jwk(&self) -> Value {
        let mut key = self.published.clone();
        key["kid"] = json!(self.id);
        key
    }

    /// A token with a header that is right.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let name = format!("{:?}", self.algorithm);
        self.sign(&json!({"alg": name, "typ": "JWT", "kid": self.id}), claims)
    }

    /// A token with any header.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = crypto::sign(signed.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}

/// Claims that are good for an hour.
pub(crate) fn claims(issuer: &str, audience: &str, roles: &[&str]) -> Value {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    json!({"iss": issuer, "aud": audience, "sub": "ada", "iat": now, "exp": now + 3600, "realm_access": {"roles": roles}})
}

/// One part of a token.
pub(crate) fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// What the provider does when it is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mood {
    /// It answers.
    Well,
    /// It breaks every connection off.
    Gone,
    /// It never answers.
    Silent,
    /// It answers keys, and goes on answering.
    Endless,
    /// It answers that.
    Says(StatusCode, String),
}

/// A provider on a port of its own; it ends with the test's runtime.
#[derive(Clone, Debug)]
pub(crate) struct IdentityProvider {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    keys: Vec<Value>,
    mood: Mood,
    /// The path of each request, in order.
    asked: Vec<String>,
    /// What a client is granted that asks for a token in its own name, and what each has asked.
    granted: Option<String>,
    forms: Vec<String>,
}

impl IdentityProvider {
    pub(crate) async fn start(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = signers.iter().map(|signer| signer.jwk()).collect();
        let shared = Arc::new(Mutex::new(Shared {
            keys,
            mood: Mood::Well,
            asked: Vec::new(),
            granted: None,
            forms: Vec::new(),
        }));
        let provider = Self { url, shared };
        tokio::spawn(provider.clone().accept(listener));
        provider
    }

    /// Its address, which is the issuer's name as well.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Publishes these keys from now on.
    pub(crate) fn publish(&self, keys: Vec<Value>) {
        self.shared.lock().unwrap().keys = keys;
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.shared.lock().unwrap().mood = mood;
    }

    /// Grants this token to clients from now on.
    pub(crate) fn grant(&self, token: String) {
        self.shared.lock().unwrap().granted = Some(token);
    }

    /// What clients have asked tokens with, as they wrote it.
    pub(crate) fn forms(&self) -> Vec<String> {
        self.shared.lock().unwrap().forms.clone()
    }

    /// How often it was asked for keys.
    pub(crate) fn asked(&self) -> usize {
        self.shared.lock().unwrap().asked.iter().filter(|path| *path == "/keys").count()
    }

    /// The path of each request, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.shared.lock().unwrap().asked.clone()
    }

    async fn accept(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(self.clone().serve(stream));
        }
    }

    async fn serve(self, stream: TcpStream) {
        let service = service_fn(move |request: Request<Incoming>| {
            let provider = self.clone();
            async move {
                if request.uri().path() == "/token" {
                    return provider.token(request).await;
                }
                provider.answer(request.uri().path()).await
            }
        });
        // Whoever is told too much leaves: nothing to report.
        let _ =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(&self, path: &str) -> Result<Response<BoxBody<Bytes, Infallible>>, io::Error> {
        let (keys, mood) = {
            let mut shared = self.shared.lock().unwrap();
            shared.asked.push(path.to_owned());
            (shared.keys.clone(), shared.mood.clone())
        };
        let text = match path {
            "/.well-known/openid-configuration" => self.metadata(),
            "/keys" => json!({ "keys": keys }),
            _ => return Ok(reply(StatusCode::NOT_FOUND, "nothing here".to_owned())),
        };
        match mood {
            Mood::Well => Ok(reply(StatusCode::OK, text.to_string())),
            Mood::Gone => Err(io::ErrorKind::ConnectionReset.into()),
            Mood::Silent => std::future::pending().await,
            Mood::Endless => {
                let more =
                    futures_util::stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b' '; 4096]))));
                Ok(Response::new(BoxBody::new(StreamBody::new(more))))
            }
            Mood::Says(status, text) => Ok(reply(status, text)),
        }
    }

    /// A token in the client's own name (RFC 6749, section 4.4).
    async fn token(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<BoxBody<Bytes, Infallible>>, io::Error> {
        let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        let mut shared = self.shared.lock().unwrap();
        shared.forms.push(String::from_utf8_lossy(&body).into_owned());
        let Some(token) = &shared.granted else { return Ok(reply(StatusCode::BAD_REQUEST, "{}".to_owned())) };
        let granted = json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600});
        let mut reply = reply(StatusCode::OK, granted.to_string());
        reply.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
        Ok(reply)
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.url);
        json!({
            "issuer": self.url,
            "jwks_uri": at("/keys"),
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "registration_endpoint": at("/register"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    }
}

fn reply(status: StatusCode, text: String) -> Response<BoxBody<Bytes, Infallible>> {
    let mut reply = Response::new(Full::from(text).boxed());
    *reply.status_mut() = status;
    reply
}
