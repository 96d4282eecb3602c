SELECT position, stream, last_version, manifest
FROM log
WHERE stream = 'copy:c-1';
