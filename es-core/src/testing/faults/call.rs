use super::Fault;

/// The kinds of requests that meet faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Call {
    /// [`EventStore::append`](crate::EventStore::append).
    Append,
    /// [`EventStore::read`](crate::EventStore::read), up to its first page.
    ReadStream,
    /// Each further page of [`EventStore::read`](crate::EventStore::read).
    ReadFurther,
    /// [`EventStore::find`](crate::EventStore::find).
    FindCommit,
    /// [`EventStore::head`](crate::EventStore::head).
    ReadHead,
    /// [`Feed::partitions`](crate::Feed::partitions).
    ListPartitions,
    /// [`Feed::anchors`](crate::Feed::anchors).
    TakeAnchors,
    /// [`Feed::read`](crate::Feed::read).
    ReadFeed,
    /// [`Feed::wait`](crate::Feed::wait).
    WaitForFeed,
    /// [`SnapshotStore::load`](crate::SnapshotStore::load).
    LoadSnapshot,
    /// [`SnapshotStore::save`](crate::SnapshotStore::save).
    SaveSnapshot,
    /// [`SnapshotStore::delete`](crate::SnapshotStore::delete).
    DeleteSnapshot,
    /// [`CheckpointStore::load`](crate::CheckpointStore::load).
    LoadPosition,
    /// [`CheckpointStore::stream_progress`](crate::CheckpointStore::stream_progress).
    LoadStreamProgress,
    /// [`CheckpointStore::save`](crate::CheckpointStore::save).
    SaveProgress,
    /// [`CheckpointStore::reset`](crate::CheckpointStore::reset).
    ResetProgress,
    /// [`CheckpointStore::adopt`](crate::CheckpointStore::adopt).
    AdoptProgress,
    /// [`CheckpointStore::dead_letters`](crate::CheckpointStore::dead_letters).
    ListDeadLetters,
    /// [`CheckpointStore::dead_letter_count`](crate::CheckpointStore::dead_letter_count).
    CountDeadLetters,
    /// [`CheckpointStore::set_paused`](crate::CheckpointStore::set_paused).
    SetPaused,
    /// [`CheckpointStore::is_paused`](crate::CheckpointStore::is_paused).
    IsPaused,
    /// [`ViewStore::prepare`](crate::ViewStore::prepare).
    PrepareView,
    /// [`ViewStore::get`](crate::ViewStore::get).
    GetDocuments,
    /// [`ViewStore::list`](crate::ViewStore::list).
    ListDocuments,
    /// [`ViewStore::write`](crate::ViewStore::write).
    WriteDocuments,
    /// [`ViewStore::clear`](crate::ViewStore::clear).
    ClearView,
    /// [`ViewStore::swap`](crate::ViewStore::swap).
    SwapViews,
    /// [`DeadlineStore::set`](crate::DeadlineStore::set).
    SetDeadlines,
    /// [`DeadlineStore::remove`](crate::DeadlineStore::remove).
    RemoveDeadlines,
    /// [`DeadlineStore::due`](crate::DeadlineStore::due).
    ListDueDeadlines,
    /// [`DeadlineStore::next`](crate::DeadlineStore::next).
    NextDeadline,
    /// [`IdempotencyStore::begin`](crate::IdempotencyStore::begin).
    BeginRequest,
    /// [`IdempotencyStore::complete`](crate::IdempotencyStore::complete).
    CompleteRequest,
    /// [`IdempotencyStore::abandon`](crate::IdempotencyStore::abandon).
    AbandonRequest,
    /// [`MessageQueue::configure`](crate::MessageQueue::configure).
    ConfigureQueue,
    /// [`MessageQueue::options`](crate::MessageQueue::options).
    ReadQueueOptions,
    /// [`MessageQueue::send_batch`](crate::MessageQueue::send_batch), and the send of one.
    Send,
    /// [`MessageQueue::receive`](crate::MessageQueue::receive).
    Receive,
    /// [`MessageQueue::extend_batch`](crate::MessageQueue::extend_batch), and the extension of one.
    Extend,
    /// [`MessageQueue::release_batch`](crate::MessageQueue::release_batch), and the release of one.
    Release,
    /// [`MessageQueue::acknowledge_batch`](crate::MessageQueue::acknowledge_batch), and the
    /// acknowledgement of one.
    Acknowledge,
    /// [`MessageQueue::redrive`](crate::MessageQueue::redrive).
    Redrive,
    /// [`MessageQueue::purge`](crate::MessageQueue::purge).
    Purge,
    /// [`MessageQueue::counts`](crate::MessageQueue::counts).
    CountMessages,
    /// [`Topic::create_topic`](crate::Topic::create_topic).
    CreateTopic,
    /// [`Topic::subscribe`](crate::Topic::subscribe).
    Subscribe,
    /// [`Topic::unsubscribe`](crate::Topic::unsubscribe).
    Unsubscribe,
    /// [`Topic::subscriptions`](crate::Topic::subscriptions).
    ListSubscriptions,
    /// [`Topic::publish_batch`](crate::Topic::publish_batch), and the publishing of one.
    Publish,
}

impl Call {
    /// The faults that such a request can meet.
    pub fn faults(self) -> &'static [Fault] {
        use Fault::*;
        match self {
            Self::Append => {
                &[Delay, Throttling, LostRequest, LateRequest, Overtaken, LostAcknowledgement]
            }
            Self::ReadStream | Self::ReadFurther => {
                &[Delay, Throttling, LostRequest, TornPage, CorruptBytes, DamagedBytes]
            }
            Self::ReadFeed => &[
                Delay,
                Throttling,
                LostRequest,
                TornPage,
                CorruptBytes,
                DamagedBytes,
                Duplicates,
                Reordering,
                LateDelivery,
            ],
            Self::FindCommit | Self::LoadSnapshot | Self::GetDocuments | Self::ListDocuments => {
                &[Delay, Throttling, LostRequest, CorruptBytes, DamagedBytes]
            }
            Self::ReadHead
            | Self::ListPartitions
            | Self::TakeAnchors
            | Self::WaitForFeed
            | Self::LoadPosition
            | Self::LoadStreamProgress
            | Self::CountDeadLetters
            | Self::IsPaused
            | Self::ListDueDeadlines
            | Self::NextDeadline
            | Self::ReadQueueOptions
            | Self::CountMessages
            | Self::ListSubscriptions => &[Delay, Throttling, LostRequest],
            Self::SaveSnapshot
            | Self::SaveProgress
            | Self::WriteDocuments
            | Self::SetDeadlines
            | Self::RemoveDeadlines
            | Self::CompleteRequest
            | Self::AbandonRequest => {
                &[Delay, Throttling, LostRequest, LateRequest, LostAcknowledgement]
            }
            Self::Receive => &[
                Delay,
                Throttling,
                LostRequest,
                LostAcknowledgement,
                TornPage,
                Duplicates,
                Reordering,
                LateDelivery,
            ],
            Self::Send | Self::Extend | Self::Release | Self::Acknowledge => {
                &[Delay, Throttling, LostRequest, LateRequest, LostAcknowledgement, FailedEntries]
            }
            Self::Publish => &[
                Delay,
                Throttling,
                LostRequest,
                LateRequest,
                LostAcknowledgement,
                FailedEntries,
                Duplicates,
            ],
            Self::ListDeadLetters => &[Delay, Throttling, LostRequest, CorruptBytes],
            Self::DeleteSnapshot
            | Self::ResetProgress
            | Self::AdoptProgress
            | Self::SetPaused
            | Self::PrepareView
            | Self::ClearView
            | Self::SwapViews
            | Self::BeginRequest
            | Self::ConfigureQueue
            | Self::Redrive
            | Self::Purge
            | Self::CreateTopic
            | Self::Subscribe
            | Self::Unsubscribe => &[Delay, Throttling, LostRequest, LostAcknowledgement],
        }
    }
}
