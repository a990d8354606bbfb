//! Train, import, quantize and score models, and build their circuits
