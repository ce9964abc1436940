//! Who gives out an identity. Equal values of different issuers are different identities.

/// Who gives out an identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Issuer {
    /// One issuer for everybody, so that nobody has to name it: Atlassian account ids and e-mail addresses.
    Universal,
    /// A Firebase project.
    Project {
        /// Its id.
        project: String,
        /// The Identity Platform tenant within it, where the account belongs to one.
        tenant: Option<String>,
    },
    /// Some project, and nobody has said which: a uid on a row of the product. No identity of ours has it.
    Unknown,
}

impl Issuer {
    /// The issuer that a text names: nothing for the universal one, `project` or `project/tenant`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('/') {
            None if text.is_empty() => Self::Universal,
            None => Self::Project { project: text.to_owned(), tenant: None },
            Some((project, tenant)) => Self::Project { project: project.to_owned(), tenant: Some(tenant.to_owned()) },
        }
    }

    /// The issuer that a column names; `None` is a column that is null.
    pub fn of_column(text: Option<&str>) -> Self {
        text.map_or(Self::Unknown, Self::parse)
    }

    /// The text that [`Self::parse`] reads; `None` where nobody knows who it is. Digests are made of it, so it never changes.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Universal => Some(String::new()),
            Self::Project { project, tenant: None } => Some(project.clone()),
            Self::Project { project, tenant: Some(tenant) } => Some(format!("{project}/{tenant}")),
            Self::Unknown => None,
        }
    }

    /// The project, where it is one and known.
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::Project { project, .. } => Some(project),
            Self::Universal | Self::Unknown => None,
        }
    }

    /// The Identity Platform tenant, where there is one and it is known.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::Project { tenant, .. } => tenant.as_deref(),
            Self::Universal | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_issuer_says_its_project_and_its_tenant() {
        let parts = |issuer: &Issuer| (issuer.project().map(str::to_owned), issuer.tenant().map(str::to_owned));
        let some = |text: &str| Some(text.to_owned());

        assert_eq!(parts(&Issuer::parse("milestone-prod")), (some("milestone-prod"), None));
        assert_eq!(parts(&Issuer::parse("milestone-prod/blue")), (some("milestone-prod"), some("blue")));
        assert_eq!(parts(&Issuer::parse("")), (None, None));
        assert_eq!(parts(&Issuer::Unknown), (None, None));
    }

    #[test]
    fn nobody_takes_the_universal_issuer_for_an_unknown_one() {
        assert_eq!(Issuer::of_column(Some("")), Issuer::Universal);
        assert_eq!(Issuer::of_column(None), Issuer::Unknown);
        assert_eq!((Issuer::Universal.text(), Issuer::Unknown.text()), (Some(String::new()), None));
    }

    proptest! {
        #[test]
        fn every_text_reads_back_as_it_was_printed(text in "[a-z/-]{0,12}") {
            prop_assert_eq!(Issuer::parse(&text).text(), Some(text));
        }
    }
}
