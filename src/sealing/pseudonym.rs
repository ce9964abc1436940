//! The name that stands where an erased person's name stood.

use super::{SecretKey, aad::length_prefixed, mac::hmac};
use crate::domain::RequestId;

const LABEL: &str = "milestone-gateway/pseudonym/v1";
const PSEUDONYM_HEX_DIGITS: usize = 20;

/// `erased-` and 20 hexadecimal digits: the same for all rows of one erasure, different for the next one, and underivable
/// for everybody once the subject's key is destroyed.
pub fn pseudonym(subject_key: &SecretKey, request: RequestId) -> String {
    let message = length_prefixed(&[LABEL.as_bytes(), request.uuid().as_bytes()]);
    let digits = hex::encode(hmac(&subject_key.derive(LABEL), &message));
    format!("erased-{}", digits.get(..PSEUDONYM_HEX_DIGITS).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::sealing::testing::Counting;

    #[test]
    fn a_pseudonym_is_stable_within_an_erasure_and_differs_between_erasures_and_people() {
        let entropy = Counting::default();
        let (key, other) = (SecretKey::generate(&entropy), SecretKey::generate(&entropy));
        let (first, second) = (RequestId::from_uuid(Uuid::from_u128(1)), RequestId::from_uuid(Uuid::from_u128(2)));
        assert_eq!(pseudonym(&key, first), pseudonym(&key, first));
        assert_eq!(pseudonym(&key, first).len(), "erased-".len() + PSEUDONYM_HEX_DIGITS);
        assert_ne!(pseudonym(&key, first), pseudonym(&key, second));
        assert_ne!(pseudonym(&key, first), pseudonym(&other, first));
    }
}
