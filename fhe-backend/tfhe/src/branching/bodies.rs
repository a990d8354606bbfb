//! Bodies of rows and ciphertexts, as they are sent.

use tenebra_client::bits::BitReader;

/// The next bodies, of which the high `kept` bits are sent.
pub(crate) fn read_bodies(reader: &mut BitReader<'_>, kept: u32, bodies: &mut [u64]) {
    if bodies.len().is_multiple_of(8)
        && let Some(read) = of_width(kept)
        && let Some(bytes) = reader.take(bodies.len(), kept)
    {
        return read(bytes, bodies);
    }
    reader.fill(bodies, kept);
    bodies.iter_mut().for_each(|body| *body <<= 64 - kept);
}

/// Reads as many bodies of a width as there are.
type Read = fn(&[u8], &mut [u64]);

/// A width that the compiler knows turns shifts and places into numbers. Those that plans have; others are read one by one.
fn of_width(kept: u32) -> Option<Read> {
    macro_rules! widths {
        ($($width:literal)*) => {
            match kept {
                $($width => Some(read::<$width>),)*
                _ => None,
            }
        };
    }
    widths!(32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57)
}

fn read<const WIDTH: usize>(bytes: &[u8], bodies: &mut [u64]) {
    let (eights, _) = bodies.as_chunks_mut::<8>();
    // Eight values fill whole bytes.
    for (index, values) in eights.iter_mut().enumerate() {
        let start = index * WIDTH;
        let mut last = [0; 72];
        let words = match bytes.get(start..start + WIDTH + 8) {
            Some(words) => words,
            None => {
                let rest = bytes.get(start..).unwrap_or_default();
                let count = rest.len().min(WIDTH);
                last[..count].copy_from_slice(&rest[..count]);
                &last[..WIDTH + 8]
            }
        };
        for (at, value) in values.iter_mut().enumerate() {
            let (byte, bit) = (at * WIDTH / 8, at * WIDTH % 8);
            let word = words[byte..]
                .first_chunk()
                .map_or(0, |word| u64::from_le_bytes(*word));
            *value = word << (64 - WIDTH - bit) & u64::MAX << (64 - WIDTH);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use tenebra_client::bits::BitWriter;

    use super::*;

    #[test]
    fn bodies_of_all_widths_are_read() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for kept in 1..=64u32 {
            for (count, before) in [(64, 0), (64, 3), (20, 0)] {
                let words: Vec<u64> = (0..before + 2 * count).map(|_| rng.next_u64()).collect();
                let mut bytes = vec![0; words.len() * 8];
                let mut writer = BitWriter::new(&mut bytes);
                words
                    .iter()
                    .for_each(|word| writer.write(word >> (64 - kept), kept));
                let len = writer.finish();
                let mut reader = BitReader::new(&bytes[..len]);
                (0..before).for_each(|_| _ = reader.read(kept));
                let sent = words.iter().map(|word| word >> (64 - kept) << (64 - kept));
                let sent: Vec<u64> = sent.skip(before).collect();
                for sent in sent.chunks(count) {
                    let mut bodies = vec![1; count];
                    read_bodies(&mut reader, kept, &mut bodies);
                    assert_eq!(bodies, sent, "{kept} bits");
                }
            }
        }
    }
}
