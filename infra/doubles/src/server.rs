//! The supplier double on a loopback port.

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
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let router = Router::new().fallback(answer).with_state(double);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn answer(State(double): State<SupplierDouble>, request: Request) -> Response {
    let method = request.method().as_str().to_owned();
    let path = request
        .uri()
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let body = to_bytes(request.into_body(), 1 << 20)
        .await
        .unwrap_or_default();
    match double.reply(&method, &path, &body) {
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
