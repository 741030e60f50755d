//! A double on a loopback port.

use crate::exchange::{Double, Received};
use crate::supplier::{Reply, SupplierDouble};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use std::net::SocketAddr;

/// Serves until the task is dropped; answers with the address it listens on.
///
/// Over a socket [`Reply::Unreachable`] can only be played by closing without an answer; a demo that
/// wants a refused connection leaves the port closed.
pub async fn serve_supplier(
    double: SupplierDouble,
    listen: SocketAddr,
) -> std::io::Result<SocketAddr> {
    serve(double, listen).await
}

/// As [`serve_supplier`], for any double.
pub async fn serve<D: Double>(double: D, listen: SocketAddr) -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let router = Router::new().fallback(answer::<D>).with_state(double);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn answer<D: Double>(State(double): State<D>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let received = Received {
        method: head.method.as_str().to_owned(),
        path: head
            .uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        headers: headers.collect(),
        body: to_bytes(body, 1 << 20).await.unwrap_or_default().to_vec(),
    };
    match double.reply(&received) {
        Reply::Answer(reply) => {
            let mut response = Response::builder().status(reply.status);
            for (name, value) in &reply.headers {
                response = response.header(name, value);
            }
            response.body(Body::from(reply.body)).unwrap_or_default()
        }
        Reply::Silence | Reply::Unreachable => std::future::pending().await,
    }
}
