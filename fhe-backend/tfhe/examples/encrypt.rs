//! Encrypt, evaluate, decrypt: client and server in one process, in the 10 lines of `main`. What crosses between them is bytes:
//! the spec and the response to the client, the key and the query to the server.

use getrandom::SysRng;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tenebra_circuit::{Circuit, Options, verify};
use tenebra_client::Client;
use tenebra_tfhe::Program;

/// A decision tree over two 4-bit codes and a weighted sum of the leaves.
const CIRCUIT: &str = "circuit v1
%0 = input x: [0, 15]^2
%1 = forest %0, outputs 2, bias [0, 0], [[0: if x[0] < 6 then 1 else 2, 1: [5, 0], 2: if x[1] < 9 then 3 else 4, 3: [0, -5], 4: [2, 2]]]
output scores: %1
";

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let program = Program::prepare(&verify(&CIRCUIT.parse::<Circuit>()?)?, &Options::default())?;
    let mut rng = ChaCha20Rng::try_from_rng(&mut SysRng)?;
    let client = Client::generate(program.spec_of_codes(-128.0)?, &mut rng)?;
    let id = client.spec().id();
    let key = client.evaluation_key(&mut rng)?; // some programs need one
    let key = key.map(|file| program.prepare_key(id, &file)).transpose()?;
    let (query, _) = client.encrypt(&[[7.0, 12.0]], &mut rng)?;
    let response = program.evaluate(id, key.as_ref(), &query)?;
    assert_eq!(client.decrypt(&response)?, [[2, 2]]);
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn core::error::Error>> {
    main()
}
