//! Keys, encryption, decryption and wire format of Tenebra, for clients down to microcontrollers
