//! Reals to small integer codes and back: affine maps, bins, calibration
