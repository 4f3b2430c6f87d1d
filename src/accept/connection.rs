//! One connection, from its first byte to its last.

use super::body::DeadlineBody;
use super::forwarded::{self, Unreadable};
use super::in_time::TakenInTime;
use super::tls::{ClientCertificate, Secured};
use super::{Body, Client, Drain, Options, Peer, http1, http2, refuse};
use http::{Request, Response, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tower::{Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;

/// Longest request head, in bytes. A client key and the headers of MCP need one of them.
pub(super) const LONGEST_HEAD: usize = 32 * 1024;

/// Most bytes that are read ahead of the stack, and that wait to be sent.
pub(super) const READ_AHEAD: usize = 64 * 1024;

/// Serves one connection until it ends: by the client, by a timeout, or by the drain. Says whether it was cut.
pub(super) async fn serve<S>(
    stream: TcpStream,
    peer: SocketAddr,
    service: S,
    options: Options,
    drain: Drain,
) -> bool
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let Some(tls) = &options.tls else {
        let service = layered(service, peer, None, &options);
        let stream = TakenInTime::new(stream, options.body_timeout);
        return http1::serve(stream, service, &options, &drain).await;
    };
    let stop = drain.stop();
    match stop.run_until_cancelled(tls.handshake(stream, &options)).await {
        None => false,
        Some(Err(error)) => {
            tracing::debug!(%peer, %error, "a handshake failed");
            false
        }
        Some(Ok(Secured { stream, http_2, certificate })) => {
            let service = layered(service, peer, certificate, &options);
            if http_2 {
                http2::serve(stream, service, &options, &drain).await
            } else {
                http1::serve(stream, service, &options, &drain).await
            }
        }
    }
}

/// What every request goes through, whatever it is for.
fn layered<S>(
    service: S,
    peer: SocketAddr,
    certificate: Option<ClientCertificate>,
    options: &Options,
) -> impl Service<
    Request<Incoming>,
    Response = Response<impl http_body::Body<Data = bytes::Bytes, Error = super::BoxError> + Send + 'static>,
    Error = Infallible,
    Future: Send + 'static,
> + Clone
+ Send
+ 'static
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let (body_timeout, proxies) = (options.body_timeout, options.trusted_proxies.clone());
    ServiceBuilder::new()
        .map_request(move |mut request: Request<Incoming>| {
            let client = forwarded::client(peer.ip(), request.headers(), &proxies);
            let extensions = request.extensions_mut();
            extensions.insert(Peer(peer));
            match client {
                Ok(address) => drop(extensions.insert(Client(address))),
                Err(unreadable) => drop(extensions.insert(unreadable)),
            }
            if let Some(certificate) = &certificate {
                extensions.insert(certificate.clone());
            }
            request
        })
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_failure(()))
        .layer(CatchPanicLayer::custom(refuse::panicked))
        .map_request(move |request: Request<Incoming>| {
            let one_of_many = request.version() == Version::HTTP_2;
            request.map(|body| {
                if one_of_many {
                    DeadlineBody::new(http2::ReadOut::new(body), body_timeout).boxed_unsync()
                } else {
                    DeadlineBody::new(body, body_timeout).boxed_unsync()
                }
            })
        })
        .service(service)
}

/// The address of a request may hold a credential that does not belong there, so only its path is logged.
///
/// Most requests have no span of their own unless debug is logged: the connection's says where they come from. It does not say for whom a
/// trusted proxy asks, and requests of HTTP/2 are served beside it.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let (method, path) = (request.method(), request.uri().path());
    let from = request.extensions().get::<Peer>().map(|peer| peer.0);
    let client = request.extensions().get::<Client>().map(|client| client.0);
    if request.extensions().get::<Unreadable>().is_some() {
        let peer = from.map(tracing::field::display);
        tracing::warn!(peer, "a trusted proxy sends an `X-Forwarded-For` that cannot be read");
    }
    let is_told = from.map(|peer| peer.ip()) == client && request.version() != Version::HTTP_2;
    let (peer, client) = (from.map(tracing::field::display), client.map(tracing::field::display));
    if is_told {
        tracing::debug_span!("request", %method, path, peer, client)
    } else {
        tracing::info_span!("request", %method, path, peer, client)
    }
}

/// A connection that breaks is everyday life, and the client's own business.
pub(super) fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::subscriber::with_default;

    #[test]
    fn where_a_request_comes_from_is_said_by_it_or_by_its_connection() {
        let peer = SocketAddr::from(([10, 0, 0, 1], 1234));
        let request = |version, client| {
            let mut request = Request::new(());
            *request.version_mut() = version;
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(Client(client));
            request
        };
        let of_another = [192, 0, 2, 7].into();
        with_default(tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).finish(), || {
            assert!(span(&request(Version::HTTP_11, peer.ip())).is_disabled());
            assert!(!span(&request(Version::HTTP_11, of_another)).is_disabled());
            assert!(!span(&request(Version::HTTP_2, peer.ip())).is_disabled());
        });
        with_default(tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).finish(), || {
            assert!(!span(&request(Version::HTTP_11, peer.ip())).is_disabled());
        });
    }
}
