//! Large messages for [`es_core`]: the body is in an object store, the queue carries a reference.
