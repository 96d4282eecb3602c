//! Moving pointers together with progress.

use es_core::{Adopted, Adoption, ConsumerId, Result, ViewName};

use crate::attempts::Attempts;
use crate::progress::{AdoptionStep, OTHERS, Refusal, Sent};
use crate::store::DynamoStore;

impl DynamoStore {
    /// Points a view to a generation without documents.
    pub(super) async fn clear_view(&self, view: &ViewName, consumer: &ConsumerId) -> Result<()> {
        let state = &self.tables().state;
        let mut attempts = Attempts::default();
        loop {
            let mut step = self.reset_step(consumer).await?;
            let found = self.pointer_if_any(view).await?;
            let emptied = found.as_ref().map(|found| found.emptied(self.new_generation()));
            if let (Some(found), Some(emptied)) = (&found, &emptied) {
                step.add(emptied.replace(view, Some(found), state), Refusal::StartOver);
                step.add(found.garbage().list(state), Refusal::StartOver);
            }
            if self.send(step).await? == Sent::Done {
                self.known_pointers().learn(view, emptied.as_ref());
                self.sweep().await;
                return Ok(());
            }
            attempts.pause(self, &format!("clearing view {view}"), OTHERS).await?;
        }
    }

    /// Points view `to` to where `from` points, and `from` nowhere.
    pub(super) async fn swap_views(
        &self,
        from: &ViewName,
        to: &ViewName,
        adoption: &Adoption,
    ) -> Result<Adopted> {
        let state = &self.tables().state;
        let mut attempts = Attempts::default();
        loop {
            let given = self.pointer(from).await?;
            let replaced = self.pointer_if_any(to).await?;
            let mut step = match self.adoption_step(adoption).await? {
                AdoptionStep::Refused(refused) => return Ok(refused),
                AdoptionStep::Ready(step) => step,
            };
            step.add(given.replace(to, replaced.as_ref(), state), Refusal::StartOver);
            step.add(given.remove(from, state), Refusal::StartOver);
            if let Some(replaced) = &replaced {
                step.add(replaced.garbage().list(state), Refusal::StartOver);
            }
            if self.send(step).await? == Sent::Done {
                self.known_pointers().learn(from, None);
                self.known_pointers().learn(to, Some(&given));
                self.sweep().await;
                return Ok(Adopted::Done);
            }
            let what = format!("putting view {from} in the place of {to}");
            attempts.pause(self, &what, OTHERS).await?;
        }
    }
}
