//! The gateway inside an application of somebody else's: `/mcp` is enforced and recorded, and the rest is the application's own.
//!
//! ```sh
//! DIRECTUS_TOKEN=… cargo run --example axum -- warrener.yaml 127.0.0.1:3000
//! ```

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::routing::{any_service, get};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use warrener::accept::adopted;
use warrener::administer::Gateway;
use warrener::config::{Config, Secret};
use warrener::policy::diagnostic::Source;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it says where it listens")]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let settings = arguments.next().unwrap_or_else(|| "warrener.yaml".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let source = Source::new(settings.clone(), std::fs::read_to_string(&settings)?);
    let mut config = Config::from_yaml(&source).map_err(|problems| problems.to_string())?;
    config.upstream.token.get_or_insert(Secret::Env("DIRECTUS_TOKEN".to_owned()));

    let gateway = Gateway::embedded(&config).await?;
    gateway.drain().on_signals()?;
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let body_timeout = config.limits.body_timeout;
    let served = gateway.serve_in(async |route, drain| {
        // Whose request it is, the application knows: here whoever is connected.
        let enforced = ServiceBuilder::new()
            .map_request(move |request: Request<Body>| {
                let ConnectInfo(peer) = request.extensions().get().copied().unwrap_or(ConnectInfo(UNKNOWN));
                adopted(request, peer, body_timeout)
            })
            .service(route);
        let app = Router::new()
            .route("/", get(async || "an application with a gateway inside\n"))
            .route("/mcp", any_service(enforced.clone()))
            // Where clients are told of the OpenID provider, if `identity.jwt` names one; with another path before `/mcp`, that one.
            .route("/.well-known/oauth-protected-resource/mcp", any_service(enforced.clone()))
            .route("/readyz", any_service(enforced));
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        // How many connections there are, and how long a request's head may take, is for the application to bound: `axum::serve` does
        // neither, so put a proxy before it, or accept connections with hyper's own builder and its `header_read_timeout`.
        axum::serve(listener, app).with_graceful_shutdown(drain.stop().cancelled_owned()).await
    });
    // Calls under way are finished and recorded, and the trail is closed, whoever still holds a connection open.
    served.await?;
    Ok(())
}

const UNKNOWN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
