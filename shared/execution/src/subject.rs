//! The state of what is sent.

use domain::order::Order;
use domain::sending::Sending;
use domain::sending::subject::SendSubject;

/// `None` where the order has no such subject.
pub(crate) fn sending<'a>(order: &'a Order, subject: &SendSubject) -> Option<&'a Sending> {
    let purchase_order = order.purchase_order(subject.purchase_order())?;
    match subject.request() {
        None => Some(&purchase_order.sending),
        Some(request) => Some(&purchase_order.cancel(request)?.sending),
    }
}
