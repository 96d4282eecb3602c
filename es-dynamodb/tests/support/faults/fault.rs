/// What can happen to a request between the SDK and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    /// The connection breaks before the server has the request.
    LostRequest,
    /// The server acts, and the connection breaks before the answer is there.
    LostAnswer,
    /// The connection breaks, and the server gets the request all the same, before one of the next ones.
    LateRequest,
    /// Neither an answer nor an end of the connection: the SDK gives up after its time.
    Timeout,
    /// Neither, and nobody gives up: for clients with time-outs of their own.
    Silence,
    /// The server asks to slow down, and does nothing.
    Throttled,
    /// The server asks to slow down on one of the items of a transaction, and does nothing.
    ItemThrottled,
    /// The server fails with a 500, and does nothing.
    InternalError,
    /// The server fails with a 500, and has acted all the same.
    InternalErrorAfterwards,
    /// Another transaction has one of the items; the server does nothing.
    TransactionConflict,
    /// The server does not know the token of a transaction any more, by which it would recognise one that
    /// it has done: it keeps them for ten minutes.
    TokenForgotten,
    /// A page ends after one to three items.
    ShortPage,
    /// A part of the keys of a batch comes back unprocessed.
    Unprocessed,
    /// Records of a stream come again, some of them for the second time in their page.
    RepeatedRecords,
    /// Records of a stream of one page come in another order: it is kept per item only.
    ReorderedRecords,
}

const WRITES: [&str; 5] =
    ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"];
const READS: [&str; 4] = ["GetItem", "BatchGetItem", "Query", "Scan"];
const STREAMS: [&str; 4] = ["ListStreams", "DescribeStream", "GetShardIterator", "GetRecords"];
const TABLES: [&str; 6] = [
    "CreateTable",
    "DescribeTable",
    "DescribeTimeToLive",
    "UpdateContinuousBackups",
    "UpdateTable",
    "UpdateTimeToLive",
];

impl Fault {
    /// Those that pass: asking again gets a correct system over them.
    pub(crate) const PASSING: &[Self] = &[
        Self::LostRequest,
        Self::LostAnswer,
        Self::LateRequest,
        Self::Timeout,
        Self::Throttled,
        Self::ItemThrottled,
        Self::InternalError,
        Self::InternalErrorAfterwards,
        Self::TransactionConflict,
        Self::TokenForgotten,
        Self::ShortPage,
        Self::Unprocessed,
        Self::RepeatedRecords,
        Self::ReorderedRecords,
    ];

    /// Whether a request of this kind can meet the fault.
    pub(crate) fn can_meet(self, operation: &str) -> bool {
        match self {
            Self::ItemThrottled | Self::TokenForgotten => operation == "TransactWriteItems",
            Self::TransactionConflict => {
                WRITES.contains(&operation) && operation != "BatchWriteItem"
            }
            Self::ShortPage => ["Query", "Scan"].contains(&operation),
            Self::Unprocessed => ["BatchGetItem", "BatchWriteItem"].contains(&operation),
            Self::RepeatedRecords | Self::ReorderedRecords => operation == "GetRecords",
            Self::LateRequest => WRITES.contains(&operation),
            _ => [&WRITES[..], &READS, &STREAMS, &TABLES]
                .iter()
                .any(|operations| operations.contains(&operation)),
        }
    }
}
