//! JSON of a token: one object, read once and in one way.
//!
//! Two readers of one text must not understand different things by it, so a name that comes twice is refused at every
//! level (RFC 8725, 2.4 and 3.12: what a signature covers must have one meaning), and so is what is deeper or has more
//! members than any sender's token.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How deep values may stand in each other. The object itself is the first level.
const DEPTH_MAX: usize = 16;
/// The most members, of objects and arrays of all levels together.
const MEMBERS_MAX: usize = 200;

/// Reads one object. `None` for anything else, and for anything after it.
pub(super) fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    // The object is itself a value that is read.
    let mut values_left = MEMBERS_MAX + 1;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Node { depth_left: DEPTH_MAX, values_left: &mut values_left }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    match value {
        Value::Object(object) => Some(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

/// One value that is to be read, and what may still come within it and after it.
struct Node<'a> {
    depth_left: usize,
    values_left: &'a mut usize,
}

impl Node<'_> {
    /// Goes one level down.
    fn inside<E: Error>(self) -> Result<Self, E> {
        let depth_left = self.depth_left.checked_sub(1).ok_or_else(|| E::custom("too deep"))?;
        Ok(Self { depth_left, ..self })
    }

    /// The next value of this level.
    fn next(&mut self) -> Node<'_> {
        Node { depth_left: self.depth_left, values_left: self.values_left }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        *self.values_left = self.values_left.checked_sub(1).ok_or_else(|| D::Error::custom("too many members"))?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut level = self.inside()?;
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(level.next())? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut level = self.inside()?;
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(level.next())?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name comes twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_object_reads_as_what_it_says() {
        let text = r#" {"a":[1,-2,3.5,true,null,"x"],"b":{"c":{}}} "#;
        assert_eq!(object(text.as_bytes()), serde_json::from_str(text).ok());
    }

    #[test]
    fn a_name_that_comes_twice_is_refused_at_every_level_however_it_is_written() {
        for text in
            [r#"{"alg":1,"alg":1}"#, r#"{"alg":1,"\u0061lg":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":1,"b":1}]}"#]
        {
            assert_eq!(object(text.as_bytes()), None, "{text}");
        }
        assert!(object(br#"{"a":{"a":1},"A":1}"#).is_some());
    }

    #[test]
    fn what_is_no_single_object_is_refused() {
        for text in ["", "[]", "1", "null", "\"{}\"", "{}{}", "{} x", "{}\0", "\u{feff}{}", "{'a':1}", "{\"a\":1,}"] {
            assert_eq!(object(text.as_bytes()), None, "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), None);
    }

    #[test]
    fn depth_and_members_end_at_their_bounds() {
        let deep = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        assert!(object(deep(DEPTH_MAX).as_bytes()).is_some());
        assert_eq!(object(deep(DEPTH_MAX + 1).as_bytes()), None);
        assert_eq!(object(deep(5_000).as_bytes()), None);
        let array = |count: usize| format!("{{\"a\":[{}]}}", vec!["1"; count].join(","));
        assert!(object(array(MEMBERS_MAX - 1).as_bytes()).is_some());
        assert_eq!(object(array(MEMBERS_MAX).as_bytes()), None);
        let names = |count: usize| {
            let members: Vec<String> = (0..count).map(|index| format!("\"n{index}\":[]")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(object(names(MEMBERS_MAX).as_bytes()).is_some());
        assert_eq!(object(names(MEMBERS_MAX + 1).as_bytes()), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = object(&bytes);
        }

        #[test]
        fn arbitrary_brackets_never_panic(text in "[\\[\\]{}\":,0-9.a-c]{0,300}") {
            let _ = object(text.as_bytes());
        }
    }
}
