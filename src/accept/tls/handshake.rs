//! From a connection to a secured one, in time.

use super::{ClientCertificate, Tls};
use crate::accept::Options;
use crate::accept::farewell::{SPEAK_TLS, farewell};
use crate::accept::in_time::TakenInTime;
use std::io;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What a client says that wants HTTP/2.
pub(super) const HTTP_2: &[u8] = b"h2";

/// A connection over which HTTP can begin.
#[derive(Debug)]
pub(in crate::accept) struct Secured {
    pub(in crate::accept) stream: TlsStream<TakenInTime<TcpStream>>,
    /// The client has chosen HTTP/2.
    pub(in crate::accept) http_2: bool,
    /// What the client has shown, where it was asked to.
    pub(in crate::accept) certificate: Option<ClientCertificate>,
}

impl Tls {
    /// Makes the handshake; it may take as long as the head of a request.
    ///
    /// # Errors
    /// When the client does not speak TLS, or not in time, or has not the certificate that is asked for.
    pub(in crate::accept) async fn handshake(
        &self,
        stream: TcpStream,
        options: &Options,
    ) -> io::Result<Secured> {
        let handshake = async {
            let mut first = [0];
            stream.peek(&mut first).await?;
            // A record of TLS begins with 22, and a request with the name of its method.
            if first.iter().all(u8::is_ascii_uppercase) {
                farewell(stream, SPEAK_TLS).await;
                return Err(io::Error::new(io::ErrorKind::InvalidData, "it is cleartext"));
            }
            let active = self.shared.active.load_full();
            let stream = TakenInTime::new(stream, options.body_timeout);
            let stream = TlsAcceptor::from(active.server.clone()).accept(stream).await?;
            let (_, session) = stream.get_ref();
            let http_2 = session.alpn_protocol() == Some(HTTP_2);
            let certificate = session
                .peer_certificates()
                .map(|chain| ClientCertificate::shown(chain, self, &active))
                .transpose()?;
            Ok(Secured { stream, http_2, certificate })
        };
        timeout(options.header_timeout, handshake)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}
