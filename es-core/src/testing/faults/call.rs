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
    /// [`IdempotencyStore::begin`](crate::IdempotencyStore::begin).
    BeginRequest,
    /// [`IdempotencyStore::complete`](crate::IdempotencyStore::complete).
    CompleteRequest,
    /// [`IdempotencyStore::abandon`](crate::IdempotencyStore::abandon).
    AbandonRequest,
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
            | Self::IsPaused => &[Delay, Throttling, LostRequest],
            Self::SaveSnapshot
            | Self::SaveProgress
            | Self::WriteDocuments
            | Self::CompleteRequest
            | Self::AbandonRequest => {
                &[Delay, Throttling, LostRequest, LateRequest, LostAcknowledgement]
            }
            Self::ListDeadLetters => &[Delay, Throttling, LostRequest, CorruptBytes],
            Self::DeleteSnapshot
            | Self::ResetProgress
            | Self::AdoptProgress
            | Self::SetPaused
            | Self::PrepareView
            | Self::ClearView
            | Self::SwapViews
            | Self::BeginRequest => &[Delay, Throttling, LostRequest, LostAcknowledgement],
        }
    }
}
