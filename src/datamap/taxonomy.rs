//! The words of the Fideslang default taxonomy, and which column names look as if they were about a person.

/// The data categories of the Fideslang default taxonomy (fideslang 3.1.4 on `PyPI`), sorted.
pub const DATA_CATEGORIES: &[&str] = &[
    "system",
    "system.authentication",
    "system.operations",
    "user",
    "user.account",
    "user.account.settings",
    "user.account.username",
    "user.authorization",
    "user.authorization.biometric",
    "user.authorization.credentials",
    "user.authorization.password",
    "user.behavior",
    "user.behavior.browsing_history",
    "user.behavior.media_consumption",
    "user.behavior.purchase_history",
    "user.behavior.search_history",
    "user.biometric",
    "user.biometric.fingerprint",
    "user.biometric.health",
    "user.biometric.retinal",
    "user.biometric.voice",
    "user.childrens",
    "user.contact",
    "user.contact.address",
    "user.contact.address.city",
    "user.contact.address.country",
    "user.contact.address.postal_code",
    "user.contact.address.state",
    "user.contact.address.street",
    "user.contact.email",
    "user.contact.fax_number",
    "user.contact.organization",
    "user.contact.phone_number",
    "user.contact.url",
    "user.content",
    "user.content.private",
    "user.content.public",
    "user.content.self_image",
    "user.criminal_history",
    "user.demographic",
    "user.demographic.age_range",
    "user.demographic.date_of_birth",
    "user.demographic.gender",
    "user.demographic.language",
    "user.demographic.marital_status",
    "user.demographic.political_opinion",
    "user.demographic.profile",
    "user.demographic.race_ethnicity",
    "user.demographic.religious_belief",
    "user.demographic.sexual_orientation",
    "user.device",
    "user.device.cookie",
    "user.device.cookie_id",
    "user.device.device_id",
    "user.device.ip_address",
    "user.financial",
    "user.financial.bank_account",
    "user.financial.credit_card",
    "user.government_id",
    "user.government_id.birth_certificate",
    "user.government_id.drivers_license_number",
    "user.government_id.immigration",
    "user.government_id.national_identification_number",
    "user.government_id.passport_number",
    "user.government_id.vehicle_registration",
    "user.health_and_medical",
    "user.health_and_medical.genetic",
    "user.health_and_medical.insurance_beneficiary_id",
    "user.health_and_medical.record_id",
    "user.job_title",
    "user.location",
    "user.location.imprecise",
    "user.location.precise",
    "user.name",
    "user.name.first",
    "user.name.last",
    "user.payment",
    "user.privacy_preferences",
    "user.sensor",
    "user.social",
    "user.telemetry",
    "user.unique_id",
    "user.unique_id.pseudonymous",
    "user.user_sensor",
    "user.workplace",
];

/// Parts of a column's name that speak of a person.
const PERSONAL_WORDS: &[&str] = &[
    "address",
    "avatar",
    "birth",
    "birthdate",
    "birthday",
    "dob",
    "email",
    "fax",
    "firstname",
    "fullname",
    "gender",
    "ip",
    "lastname",
    "mail",
    "mobile",
    "nickname",
    "passport",
    "phone",
    "ssn",
    "surname",
    "telephone",
    "uid",
    "username",
];
/// Endings of a column's name that speak of a person.
const PERSONAL_ENDINGS: &[&[&str]] = &[&["account", "id"], &["user", "id"]];
/// What may have a name without being a person.
const NAMED_THINGS: &[&str] = &[
    "app",
    "bucket",
    "city",
    "class",
    "company",
    "country",
    "database",
    "device",
    "domain",
    "event",
    "field",
    "file",
    "group",
    "host",
    "key",
    "metric",
    "organisation",
    "organization",
    "plan",
    "product",
    "project",
    "queue",
    "role",
    "schema",
    "server",
    "service",
    "site",
    "table",
    "tag",
    "team",
    "tenant",
    "type",
];

/// True when the word stands in the taxonomy.
pub(super) fn is_data_category(word: &str) -> bool {
    DATA_CATEGORIES.binary_search(&word).is_ok()
}

/// True for a category of data about a person.
pub(super) fn is_personal_category(word: &str) -> bool {
    word == "user" || word.starts_with("user.")
}

/// True when a column of this name usually holds something about a person. Such a column must say what it holds.
pub(super) fn looks_personal(column: &str) -> bool {
    let words = words_of(column);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.iter().any(|word| PERSONAL_WORDS.contains(word))
        || PERSONAL_ENDINGS.iter().any(|ending| words.ends_with(ending))
        || matches!(words.as_slice(), [.., thing, "name"] if !NAMED_THINGS.contains(thing))
}

/// The lower-case words of `snake_case`, `kebab-case` and `camelCase`.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (was_lower && letter.is_uppercase()) {
            words.push(String::new());
        }
        was_lower = letter.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_taxonomy_is_sorted_so_that_it_can_be_searched() {
        assert!(DATA_CATEGORIES.is_sorted());
        assert!(is_data_category("user.contact.email"));
        assert!(!is_data_category("user.contact.e_mail"));
    }

    #[test]
    fn a_name_that_usually_holds_a_person_is_noticed_and_a_name_of_a_thing_is_not() {
        for personal in [
            "email",
            "recipient_email",
            "display_name",
            "full_name",
            "requester_name",
            "phone",
            "ip_address",
            "account_id",
            "atlassian_account_id",
            "firebase_uid",
            "avatar_url",
            "birth_date",
            "clientIp",
            "userId",
            "home-address",
        ] {
            assert!(looks_personal(personal), "{personal}");
        }
        for thing in ["company_name", "site_host", "issue_id", "tenant_id", "status", "name", "zip_file", "description"]
        {
            assert!(!looks_personal(thing), "{thing}");
        }
    }
}
