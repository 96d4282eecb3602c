SELECT consumer, stream, first_version, state, drop_reason
FROM dead_letters;
