VACUUM INTO 'library-backup.db';
