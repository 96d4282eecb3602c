//! Compressed records. They are told from others by how they begin.

use bytes::Bytes;
use es_core::Compression;

/// What a [Zstandard frame](https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1) begins with. No JSON does.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The most bytes that a record is decompressed to: far over what a record of the largest size has, and far
/// under what a hostile one could claim.
const MAX_PLAIN_LEN: usize = 256 << 20;

/// Why data cannot be compressed or decompressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CompressionError {
    /// The program was built without the means.
    #[error("es-kinesis was built without its feature `zstd`")]
    #[cfg_attr(feature = "zstd", expect(dead_code, reason = "it is there"))]
    NotBuilt,
    /// The compressor refuses.
    #[error("{0}")]
    #[cfg_attr(not(feature = "zstd"), expect(dead_code, reason = "there is none"))]
    Codec(String),
    /// There is more than any record has.
    #[error("it has more than {MAX_PLAIN_LEN} bytes")]
    #[cfg_attr(not(feature = "zstd"), expect(dead_code, reason = "nothing is decompressed"))]
    TooLarge,
}

/// The data, compressed if that is asked for.
pub(crate) fn compress(compression: Compression, data: Vec<u8>) -> Result<Bytes, CompressionError> {
    match compression {
        Compression::None => Ok(data.into()),
        _ => zstd::compress(&data),
    }
}

/// The data as it was before it was compressed, if it is compressed.
pub(crate) fn decompress(data: Bytes) -> Result<Bytes, CompressionError> {
    if data.starts_with(&ZSTD) { zstd::decompress(&data) } else { Ok(data) }
}

#[cfg(feature = "zstd")]
mod zstd {
    use std::io::Read as _;

    use bytes::Bytes;

    use super::{CompressionError, MAX_PLAIN_LEN};

    /// zstd's own default: the knee of its speed and ratio curve.
    const LEVEL: i32 = 3;

    pub(super) fn compress(data: &[u8]) -> Result<Bytes, CompressionError> {
        ::zstd::bulk::compress(data, LEVEL).map(Bytes::from).map_err(codec)
    }

    /// Step by step, because what a frame says about its size may be wrong.
    pub(super) fn decompress(data: &[u8]) -> Result<Bytes, CompressionError> {
        let mut plain = Vec::new();
        let decoder = ::zstd::stream::read::Decoder::with_buffer(data).map_err(codec)?;
        let most = MAX_PLAIN_LEN as u64 + 1;
        let read = decoder.take(most).read_to_end(&mut plain).map_err(codec)?;
        if read > MAX_PLAIN_LEN { Err(CompressionError::TooLarge) } else { Ok(plain.into()) }
    }

    fn codec(error: std::io::Error) -> CompressionError {
        CompressionError::Codec(error.to_string())
    }
}

#[cfg(not(feature = "zstd"))]
mod zstd {
    use bytes::Bytes;

    use super::CompressionError;

    pub(super) fn compress(_: &[u8]) -> Result<Bytes, CompressionError> {
        Err(CompressionError::NotBuilt)
    }

    pub(super) fn decompress(_: &[u8]) -> Result<Bytes, CompressionError> {
        Err(CompressionError::NotBuilt)
    }
}

#[cfg(all(test, feature = "zstd"))]
mod tests {
    use super::*;

    #[test]
    fn compressed_data_comes_back_and_other_data_stays() {
        let data =
            b"[{\"a\":1},{\"a\":1},{\"a\":1},{\"a\":1},{\"a\":1},{\"a\":1},{\"a\":1}]".to_vec();
        let compressed = compress(Compression::Zstd, data.clone()).unwrap();
        assert!(compressed.len() < data.len() && compressed.starts_with(&ZSTD));
        assert_eq!(decompress(compressed).unwrap(), data);
        let plain = compress(Compression::None, data.clone()).unwrap();
        assert_eq!(decompress(plain).unwrap(), data);
    }

    #[test]
    fn damaged_frames_are_refused() {
        let compressed = compress(Compression::Zstd, vec![7; 1_000]).unwrap();
        for end in 4..compressed.len() {
            assert!(decompress(compressed.slice(..end)).is_err(), "of {end} bytes");
        }
    }

    #[test]
    fn a_record_that_would_take_all_memory_is_refused() {
        let bomb = compress(Compression::Zstd, vec![0; MAX_PLAIN_LEN + 1]).unwrap();
        assert!(bomb.len() < 100_000);
        assert_eq!(decompress(bomb), Err(CompressionError::TooLarge));
    }
}
