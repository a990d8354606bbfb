//! What may be asked for.

/// How a float network is quantized on calibration rows; what is not given is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkOptions {
    /// Bits of an input's code, 1 to 8.
    pub input_bits: Option<u8>,
    /// Bits of a hidden layer's weight, with its sign, 2 to 8.
    pub weight_bits: Option<u8>,
    /// Bits of an activation's code, 1 to 8.
    pub activation_bits: Option<u8>,
}
