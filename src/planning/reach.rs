//! Which rows: every way from a person's own row outwards, along the bonds of the map.

use std::collections::BTreeMap;

use super::error::{PlanError, REACH_LINKS_MAX};
use crate::datamap::map::{Collection, DataMap, FieldReference, Ownership, Role, SubjectRoot};
use crate::domain::{SubjectKind, plan::PLAN_STEPS_MAX, plan::Reach};

/// The rows of each collection that are deleted with the person, as ways to reach them.
pub(super) struct Reaches<'m> {
    map: &'m DataMap,
    root: &'m SubjectRoot,
    own_row: Reach,
    deleted: BTreeMap<&'m str, Vec<Reach>>,
}

impl<'m> Reaches<'m> {
    pub(super) fn of(map: &'m DataMap, kind: &SubjectKind) -> Result<Self, PlanError> {
        let unknown = || PlanError::UnknownKind { dataset: map.dataset.clone(), kind: kind.as_str().to_owned() };
        let root = map.subjects.get(kind).ok_or_else(unknown)?;
        let unresolved = |path: String| PlanError::Unresolved { path };
        if !map.collections.contains_key(&root.collection) {
            return Err(unresolved(root.collection.clone()));
        }
        let anchor = root.identities.get(&root.anchor);
        let column = anchor.ok_or_else(|| unresolved(format!("subjects.{kind}.anchor")))?.clone();
        let own_row = Reach::Identity { column, kind: root.anchor };
        let mut reaches = Self { map, root, own_row, deleted: BTreeMap::new() };
        for (table, collection) in &map.collections {
            let mut path = Vec::new();
            reaches.walk(table, collection, &mut path)?;
        }
        Ok(reaches)
    }

    pub(super) fn own_row(&self) -> (&'m str, Reach) {
        (&self.root.collection, self.own_row.clone())
    }

    /// The ways in which a bond's rows are reached from this kind of person; empty when the bond is about other people.
    pub(super) fn of_bond(&self, table: &str, bond: &Ownership) -> Result<Vec<Reach>, PlanError> {
        let target = self.target(table, bond)?;
        let parents = self.deleted.get(target.collection.as_str()).map_or(&[][..], Vec::as_slice);
        let is_own = target.collection == self.root.collection;
        if !is_own {
            self.refuse_co_owned(table, bond, target, !parents.is_empty())?;
        }
        let reaches = parents.iter().map(|parent| self.link(bond, target, parent));
        Ok(reaches.collect())
    }

    /// Fills `deleted` for a collection after those that own it. `path` holds the collections on the way here.
    fn walk(&mut self, table: &'m str, collection: &'m Collection, path: &mut Vec<&'m str>) -> Result<(), PlanError> {
        if self.deleted.contains_key(table) {
            return Ok(());
        }
        if let Some(start) = path.iter().position(|name| *name == table) {
            let circle = path[start..].iter().chain([&table]);
            return Err(PlanError::Cycle { tables: circle.map(ToString::to_string).collect() });
        }
        if path.len() > REACH_LINKS_MAX {
            return Err(PlanError::TooFar { table: table.to_owned() });
        }
        path.push(table);
        let mut reaches = Vec::new();
        if table == self.root.collection {
            reaches.push(self.own_row.clone());
        }
        for bond in collection.ownership.iter().filter(|bond| bond.role == Role::Owned) {
            let target = self.target(table, bond)?;
            let unresolved = || PlanError::Unresolved { path: target.collection.clone() };
            let (parent, owner) = self.map.collections.get_key_value(&target.collection).ok_or_else(unresolved)?;
            self.walk(parent, owner, path)?;
            reaches.extend(self.of_bond(table, bond)?);
            if reaches.len() > PLAN_STEPS_MAX {
                return Err(PlanError::TooManySteps);
            }
        }
        path.pop();
        self.deleted.insert(table, reaches);
        Ok(())
    }

    fn target(&self, table: &str, bond: &Ownership) -> Result<&'m FieldReference, PlanError> {
        let field = self.map.collections.get(table).and_then(|collection| collection.fields.get(&bond.by));
        let unresolved = || PlanError::Unresolved { path: format!("{table}.{}", bond.by) };
        let target = field.and_then(|field| field.references.as_ref()).ok_or_else(unresolved)?;
        let exists =
            self.map.collections.get(&target.collection).is_some_and(|it| it.fields.contains_key(&target.column));
        if exists { Ok(target) } else { Err(unresolved()) }
    }

    fn link(&self, bond: &Ownership, target: &FieldReference, parent: &Reach) -> Reach {
        let identity = self.root.identities.iter().find(|(_, column)| **column == target.column);
        match identity {
            // The column holds the person's own identity: no need to ask the root row, which may be gone already.
            Some((kind, _)) if target.collection == self.root.collection && *parent == self.own_row => {
                Reach::Identity { column: bond.by.clone(), kind: *kind }
            }
            _ => Reach::Through {
                column: bond.by.clone(),
                parent_table: target.collection.clone(),
                parent_column: target.column.clone(),
                parent: Box::new(parent.clone()),
            },
        }
    }

    fn refuse_co_owned(
        &self,
        table: &str,
        bond: &Ownership,
        target: &FieldReference,
        is_reached: bool,
    ) -> Result<(), PlanError> {
        let parent = self.map.collections.get(&target.collection);
        if parent.is_some_and(|it| it.ownership.iter().any(|other| other.role == Role::CoOwned)) {
            return Err(PlanError::ChildOfCoOwned {
                child: table.to_owned(),
                column: bond.by.clone(),
                parent: target.collection.clone(),
            });
        }
        if bond.role == Role::CoOwned && is_reached {
            return Err(PlanError::CoOwnedThroughParent { child: table.to_owned(), column: bond.by.clone() });
        }
        Ok(())
    }
}
