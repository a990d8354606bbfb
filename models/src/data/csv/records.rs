//! The rows of a text.

use std::io::Read;

use super::dialect::Separator;

pub(super) fn records<R: Read>(text: R, separator: Separator) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator.byte())
        .from_reader(text)
}
