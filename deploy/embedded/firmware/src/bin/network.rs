//! Encrypts readings for `network.tnb` and decrypts its answers.
#![no_std]
#![no_main]

tenebra_firmware::firmware!(network);
