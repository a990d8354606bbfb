//! Encrypts readings for `packed.tnb` and decrypts its answers.
#![no_std]
#![no_main]

tenebra_firmware::firmware!(packed);
