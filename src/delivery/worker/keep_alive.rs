//! A session that ends where nobody speaks for a while: the service is told that it is needed.

use std::convert::Infallible;

use super::Delivery;

impl Delivery {
    /// Keeps the session of a sink that asks for it, and never ends.
    pub(super) async fn keep_open(&self) -> Infallible {
        let Some(every) = self.sink.keeps_every() else { return std::future::pending().await };
        loop {
            self.clock.sleep_until(self.clock.now() + every).await;
            let session = self.lock().session.clone();
            if let Some(session) = session {
                // One that has ended all the same is found out by whoever needs it.
                let _ = self.sink.keep(&session).await;
            }
        }
    }
}
