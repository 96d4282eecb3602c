//! Memory for what is encoded.

use std::cell::Cell;

use bytes::{Bytes, BytesMut};

/// The size in bytes of one slab.
const SLAB: usize = 16 << 10;

/// What has more bytes gets memory of its own.
const LARGEST: usize = SLAB / 8;

thread_local! {
    static MEMORY: Cell<Memory> = const { Cell::new(Memory { written: Vec::new(), slab: None }) };
}

/// What a thread keeps from one time to the next.
#[derive(Default)]
struct Memory {
    written: Vec<u8>,
    slab: Option<BytesMut>,
}

/// What `write` appends to the empty buffer that it is given, and what it returns.
///
/// What a thread writes comes to lie one after the other, in slabs of 16 KiB. So a commit needs no allocation
/// of its own, and who replays commits from memory walks through it. A slab is freed with the last that lies in
/// it.
pub(crate) fn write<T, E>(
    write: impl FnOnce(&mut Vec<u8>) -> Result<T, E>,
) -> Result<(Bytes, T), E> {
    // A `write` that comes here again, or while the thread ends, meets an empty memory.
    let mut memory = MEMORY.try_with(Cell::take).unwrap_or_default();
    let result = write(&mut memory.written).map(|result| (memory.keep(), result));
    memory.written.clear();
    if memory.written.capacity() > SLAB {
        memory.written = Vec::new();
    }
    let _ = MEMORY.try_with(|kept| kept.set(memory));
    result
}

impl Memory {
    /// The bytes that were written.
    fn keep(&mut self) -> Bytes {
        if self.written.len() > LARGEST {
            if self.written.len() <= SLAB {
                return Bytes::copy_from_slice(&self.written);
            }
            let mut large = std::mem::take(&mut self.written);
            large.shrink_to_fit();
            return large.into();
        }
        let slab = self.slab.get_or_insert_default();
        if slab.capacity() < self.written.len() {
            *slab = BytesMut::with_capacity(SLAB);
        }
        slab.extend_from_slice(&self.written);
        slab.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> Bytes {
        let copied = write(|buffer| {
            buffer.extend_from_slice(bytes);
            Ok::<_, ()>(())
        });
        copied.expect("nothing fails").0
    }

    #[test]
    fn what_is_written_lies_one_after_the_other_and_stays_what_it_was() {
        let texts: Vec<_> = (0..2000).map(|n| format!("number {n}")).collect();
        let kept: Vec<_> = texts.iter().map(|text| written(text.as_bytes())).collect();
        assert!(kept.iter().zip(&texts).all(|(kept, text)| kept == text));
        let apart = kept.windows(2).filter(|two| two[0].as_ptr_range().end != two[1].as_ptr());
        let bytes: usize = texts.iter().map(String::len).sum();
        assert_eq!(apart.count(), bytes / SLAB);
    }

    #[test]
    fn what_is_large_holds_no_slab() {
        let before = written(b"small");
        let large = written(&vec![7; LARGEST + 1]);
        let after = written(b"small");
        assert_eq!(large, vec![7; LARGEST + 1]);
        assert_eq!(before.as_ptr_range().end, after.as_ptr());
    }

    #[test]
    fn a_buffer_that_was_large_once_is_not_kept() {
        let grown = write(|buffer| {
            buffer.reserve(1 << 20);
            buffer.push(1);
            Ok::<_, ()>(())
        });
        assert!(grown.is_ok());
        let room = write(|buffer| Ok::<_, ()>(buffer.capacity()));
        assert!(room.is_ok_and(|(_, room)| room <= SLAB));
    }

    #[test]
    fn what_failed_leaves_nothing_behind() {
        let failed = write(|buffer| {
            buffer.extend_from_slice(b"half of it");
            Err::<(), _>("failed")
        });
        assert_eq!(failed, Err("failed"));
        assert_eq!(written(b"whole"), "whole");
    }

    #[test]
    fn writing_inside_of_writing_is_kept_apart() {
        let outer = write(|buffer| {
            buffer.extend_from_slice(b"outer");
            Ok::<_, ()>(written(b"inner"))
        });
        assert_eq!(outer, Ok((Bytes::from("outer"), Bytes::from("inner"))));
    }
}
