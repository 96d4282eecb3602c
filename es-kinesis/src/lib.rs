//! Kinesis Data Streams for [`es_core`].
