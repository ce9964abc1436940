//! The development key: an RSA key of a developer's own, which a gateway under development takes for its senders'.
//!
//! A gateway believes it only with `serve --development-key-server`, on this machine's loopback, so what it signs is worth
//! nothing anywhere else. It is readable by its owner only all the same.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize, PublicKeyComponents},
    signature::KeyPair as _,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    cli::exit::{Exit, Stop},
    domain::Entropy,
};

/// The id under which the key is published.
pub(in crate::cli) const KEY_ID: &str = "development";
/// The file of the default key, below the cache folder.
const FILE: &str = "milestone-gateway/development-key.pem";
/// The characters of a line of PEM.
const PEM_LINE_CHARACTERS: usize = 64;

/// A private key and what is published of it.
pub(in crate::cli) struct DevelopmentKey {
    private_pem: Zeroizing<Vec<u8>>,
    pair: KeyPair,
}

impl DevelopmentKey {
    /// A new key, by the operating system's randomness.
    pub(in crate::cli) fn generate() -> anyhow::Result<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("an RSA key cannot be made"))?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| anyhow!("the new key cannot be written"))?;
        let private_pem = Zeroizing::new(to_pem("PRIVATE KEY", der.as_ref()).into_bytes());
        Ok(Self { private_pem, pair })
    }

    /// Reads a key from PKCS#8 in PEM.
    pub(in crate::cli) fn parse(pem: Vec<u8>) -> anyhow::Result<Self> {
        let private_pem = Zeroizing::new(pem);
        let refused = || {
            let hint =
                "give an RSA key of 2048 to 8192 bits as PKCS#8 in PEM, beginning with -----BEGIN PRIVATE KEY-----";
            Stop::new(Exit::Refused, "the development key cannot be used", hint)
        };
        let der = PrivatePkcs8KeyDer::from_pem_slice(&private_pem).map_err(|_| refused())?;
        let pair = KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| refused())?;
        Ok(Self { private_pem, pair })
    }

    /// Reads the key of a file that must be there.
    pub(in crate::cli) fn read(file: &Path) -> anyhow::Result<Self> {
        match fs::read(file) {
            Ok(pem) => Self::parse(pem),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let message = format!("there is no development key at {}", file.display());
                let hint =
                    "`milestone-gateway development key-server` makes one, or name another with --development-key";
                Err(Stop::new(Exit::NotFound, message, hint).into())
            }
            Err(error) => Err(error).with_context(|| format!("the key {} cannot be read", file.display())),
        }
    }

    /// Reads the key of a file, or makes both; true when it was made. Never overwrites a file.
    pub(in crate::cli) fn read_or_make(file: &Path, entropy: &dyn Entropy) -> anyhow::Result<(Self, bool)> {
        if file.exists() {
            return Ok((Self::read(file)?, false));
        }
        let key = Self::generate()?;
        let is_new = key.write(file, entropy).with_context(|| format!("the key {} cannot be made", file.display()))?;
        // Somebody else was faster: theirs is the key.
        if is_new { Ok((key, true)) } else { Ok((Self::read(file)?, false)) }
    }

    /// Writes the key, readable by its owner only. False when the file is there already.
    pub(in crate::cli) fn write(&self, file: &Path, entropy: &dyn Entropy) -> std::io::Result<bool> {
        if let Some(folder) = file.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut random = [0_u8; 8];
        entropy.fill(&mut random);
        // Written beside and linked: nobody ever reads half a key, and two who begin at once agree on one.
        let partial = file.with_extension(format!("{}.new", hex::encode(random)));
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        let written = new.write_all(&self.private_pem).and_then(|()| new.sync_all());
        let linked = written.and_then(|()| fs::hard_link(&partial, file));
        fs::remove_file(&partial)?;
        match linked {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What tokens are signed with.
    pub(in crate::cli) fn into_private_pem(self) -> Zeroizing<Vec<u8>> {
        self.private_pem
    }

    /// The same, for a key that is used on.
    #[cfg(any(test, feature = "demo"))]
    pub(in crate::cli) fn private_pem(&self) -> &[u8] {
        &self.private_pem
    }

    /// The public half as a JWK set (RFC 7517).
    pub(in crate::cli) fn jwk_set(&self) -> String {
        let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(self.pair.public_key());
        let encoded = |number: Vec<u8>| URL_SAFE_NO_PAD.encode(number);
        let key = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": encoded(n), "e": encoded(e)});
        json!({"keys": [key]}).to_string()
    }

    /// The public half as PEM.
    pub(in crate::cli) fn public_pem(&self) -> anyhow::Result<String> {
        let der = AsDer::<PublicKeyX509Der<'_>>::as_der(self.pair.public_key());
        Ok(to_pem("PUBLIC KEY", der.map_err(|_| anyhow!("the public key cannot be written"))?.as_ref()))
    }
}

/// Where the key is unless said otherwise: in the user's cache folder, because losing it costs nothing.
pub(in crate::cli) fn default_file() -> anyhow::Result<PathBuf> {
    // The XDG rules: a variable that is empty or relative counts as unset.
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    let hint = "set HOME, or name the file";
    Ok(cache.ok_or_else(|| Stop::new(Exit::Usage, "there is no home folder for a development key", hint))?.join(FILE))
}

fn to_pem(label: &str, der: &[u8]) -> String {
    let text = Zeroizing::new(STANDARD.encode(der));
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE_CHARACTERS));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::{signature::issue, system::OsEntropy};

    fn a_folder() -> PathBuf {
        let mut random = [0_u8; 8];
        OsEntropy.fill(&mut random);
        env::temp_dir().join(format!("milestone-gateway-key-{}", hex::encode(random)))
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_only_and_then_read_again() {
        let folder = a_folder();
        let file = folder.join("deep/key.pem");

        let (made, is_new) = DevelopmentKey::read_or_make(&file, &OsEntropy).expect("a new key");
        let (read, is_new_again) = DevelopmentKey::read_or_make(&file, &OsEntropy).expect("the same key");

        assert_eq!((is_new, is_new_again), (true, false));
        assert_eq!(made.jwk_set(), read.jwk_set());
        assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.join("deep")).expect("a folder").count(), 1, "nothing is left beside it");
        assert!(!made.write(&file, &OsEntropy).expect("it is there"), "a key is never overwritten");
        fs::remove_dir_all(folder).expect("the folder goes");
    }

    #[test]
    fn the_private_half_signs_and_what_is_no_such_key_is_refused() {
        let key = DevelopmentKey::generate().expect("a key");
        assert!(issue::sign_rs256(&json!({"iss": "somebody"}), KEY_ID, key.private_pem()).is_ok());
        assert!(key.public_pem().expect("PEM").lines().all(|line| line.len() <= PEM_LINE_CHARACTERS));
        let public = key.public_pem().expect("PEM").into_bytes();
        for refused in
            [b"nothing".to_vec(), public, b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----".to_vec()]
        {
            assert!(DevelopmentKey::parse(refused).is_err());
        }
    }

    #[test]
    fn a_key_that_is_not_there_is_not_found_and_the_way_to_one_is_told() {
        let error = DevelopmentKey::read(Path::new("/nonexistent/key.pem")).err().expect("it is not there");
        assert_eq!(error.to_string(), "there is no development key at /nonexistent/key.pem");
    }
}
