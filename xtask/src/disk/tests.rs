use super::*;

#[test]
fn the_free_space_is_read_as_linux_and_macos_print_it() {
    let linux = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
                 /dev/vda         263174212 20000000  75000000      22% /\n";
    assert_eq!(free_kilobytes(linux), Some(75_000_000));
    let macos = "Filesystem   1024-blocks      Used Available Capacity  Mounted on\n\
                 map auto home        100        40        60    40%    /System/Volumes/Data/home\n";
    assert_eq!(free_kilobytes(macos), Some(60));
}

#[test]
fn what_is_no_answer_of_df_says_nothing() {
    for printed in ["", "Filesystem\n", "Filesystem\n/dev/vda 1 2 x 22% /\n"] {
        assert_eq!(free_kilobytes(printed), None, "{printed:?}");
    }
}

#[test]
fn a_folder_that_is_not_there_need_not_be_removed() {
    remove("target/no-such-folder").expect("nothing to do");
}

#[test]
fn only_the_programs_of_the_targets_are_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let files =
        ["replay-0123abcd", "replay-0123abcd.d", "kinesis-11", "es_core-22", "libreplay-33.rlib"];
    for file in files {
        fs::write(folder.path().join(file), "").expect("a file");
    }
    remove_programs(folder.path(), &["replay", "kinesis"]).expect("a folder");
    let left = |file: &&str| folder.path().join(file).exists();
    let left: Vec<&str> = files.into_iter().filter(left).collect();
    assert_eq!(left, ["replay-0123abcd.d", "es_core-22", "libreplay-33.rlib"]);
}

#[test]
fn metadata_of_what_was_checked_alone_is_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = ["liba-1.rmeta", "liba-1.rlib", "liba-2.rmeta", "liba-2.d", "libb-3.so"];
    for file in files {
        fs::write(folder.path().join(file), "").expect("a file");
    }
    remove_check_metadata(folder.path()).expect("a folder");
    let left = |file: &&str| folder.path().join(file).exists();
    let left: Vec<&str> = files.into_iter().filter(left).collect();
    assert_eq!(left, ["liba-1.rmeta", "liba-1.rlib", "liba-2.d", "libb-3.so"]);
}
