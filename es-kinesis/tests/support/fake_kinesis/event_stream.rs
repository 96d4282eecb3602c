//! The frames in which a subscription's events are sent, and the body that has them.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt as _};
use http_body::{Body, Frame};
use serde_json::{Value, json};

use super::refusal::Refusal;

/// What an answer with events begins with.
pub(super) fn initial_response() -> Bytes {
    frame("event", (":event-type", "initial-response"), &json!({}))
}

pub(super) fn event(event: &Value) -> Bytes {
    frame("event", (":event-type", "SubscribeToShardEvent"), event)
}

pub(super) fn exception(refusal: &Refusal) -> Bytes {
    frame("exception", (":exception-type", refusal.code), &refusal.body())
}

fn frame(
    kind: &'static str,
    (name, value): (&'static str, &'static str),
    payload: &Value,
) -> Bytes {
    let header = |name: &'static str, value: &'static str| {
        Header::new(name, HeaderValue::String(value.into()))
    };
    let message = Message::new(payload.to_string())
        .add_header(header(":message-type", kind))
        .add_header(header(name, value))
        .add_header(header(":content-type", "application/json"));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).expect("a message of a size that frames can have");
    bytes.into()
}

/// A body whose parts come when they come.
pub(super) fn body(frames: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> SdkBody {
    // The SDK asks on behind the end.
    SdkBody::from_body_1_x(Frames(Mutex::new(frames.fuse().boxed())))
}

/// In a lock that nobody waits for: bodies are shared between threads, and streams are not.
struct Frames(Mutex<BoxStream<'static, io::Result<Bytes>>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frames = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        frames.poll_next_unpin(context).map_ok(Frame::data)
    }
}
