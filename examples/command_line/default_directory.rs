//! Where data is when nobody says where: under the system's temporary directory.

use std::path::PathBuf;

use axum::http::Uri;
use uuid::Uuid;

/// A directory that nobody has used.
pub fn fresh(program: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{program}-{}", Uuid::now_v7().simple()))
}

/// The directory with the files of tables: the same one whenever these tables are used, so that files
/// are found again after a crash.
///
/// Tables of different regions and accounts of AWS may share one. Files have names that are made from
/// what they say, so that does no harm.
pub fn of_tables(program: &str, endpoint_url: Option<&str>, table_prefix: &str) -> PathBuf {
    let server = endpoint_url.map_or_else(|| "aws".to_owned(), authority);
    let name: String = format!("{program}-files-{server}-{table_prefix}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
        .collect();
    std::env::temp_dir().join(name)
}

/// Host and port of a URL; all of it if it is none, which is found out when it is asked.
fn authority(url: &str) -> String {
    let parsed = url.parse::<Uri>().ok();
    let authority = parsed.as_ref().and_then(Uri::authority);
    authority.map_or(url, |authority| authority.as_str()).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_tables_have_the_same_directory_and_others_another() {
        let of = |url, prefix| of_tables("p", Some(url), prefix);
        let directory = of("http://127.0.0.1:8000", "dispensary-");
        assert_eq!(directory, of("http://127.0.0.1:8000/", "dispensary-"));
        for (url, prefix) in [
            ("http://127.0.0.1:8001", "dispensary-"),
            ("http://localhost:8000", "dispensary-"),
            ("http://127.0.0.1:8000", "other-"),
        ] {
            assert_ne!(directory, of(url, prefix), "{url} {prefix}");
        }
        assert_ne!(of_tables("p", None, "dispensary-"), of_tables("p", None, "other-"));
    }

    #[test]
    fn no_name_leaves_the_temporary_directory() {
        for (url, prefix) in [("../..", "/../.."), ("http://a/../..", ".."), ("", "")] {
            let directory = of_tables("p", Some(url), prefix);
            assert_eq!(directory.parent(), Some(&*std::env::temp_dir()), "{directory:?}");
        }
    }
}
