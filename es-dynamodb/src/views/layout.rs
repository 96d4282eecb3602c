//! The order of fields, which maps in DynamoDB do not have.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::{Damage, text};

/// In which order the fields of a document's objects stand: sorted, unless an order that is noted here
/// has all fields of an object. Of two that have, the first one counts.
///
/// The order of a struct's fields serves for all values of the struct, whichever of the optional ones
/// they have.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout(Vec<Order>);

/// The place of each field.
#[derive(Debug, PartialEq, Eq)]
struct Order(HashMap<String, usize>);

impl Layout {
    /// The most orders that are worth noting: a document with more is better kept as text.
    const MAX_ORDERS: usize = 64;

    /// The layout of a document with these lists of fields; `None` when there is none, or when it
    /// would be too long.
    pub(super) fn of(lists: BTreeSet<Vec<String>>) -> Option<Self> {
        let mut lists: Vec<Vec<String>> = lists.into_iter().collect();
        // What is noted goes first, and shorter lists come later: none of them has the fields of one
        // that was looked at before, which therefore stands.
        lists.sort_by_key(|list| std::cmp::Reverse(list.len()));
        let mut layout = Self::default();
        for list in lists {
            let mut ordered: Vec<&String> = list.iter().collect();
            layout.order(&mut ordered);
            if ordered.into_iter().eq(&list) {
                continue;
            }
            if layout.0.len() == Self::MAX_ORDERS {
                return None;
            }
            layout.0.insert(0, Order::of(list));
        }
        Some(layout)
    }

    /// Puts the fields of one object in their order.
    pub(super) fn order(&self, fields: &mut [&String]) {
        match self.0.iter().find(|order| order.has_all(fields)) {
            Some(order) => fields.sort_unstable_by_key(|field| order.0.get(*field)),
            None => fields.sort_unstable(),
        }
    }

    /// As it is stored: a list of lists of fields. `None` when all is sorted.
    pub(super) fn to_attribute(&self) -> Option<AttributeValue> {
        if self.0.is_empty() {
            return None;
        }
        Some(AttributeValue::L(self.0.iter().map(Order::to_attribute).collect()))
    }

    pub(super) fn from_attribute(attribute: Option<AttributeValue>) -> Result<Self, Damage> {
        let damage = || "the order of its fields is not a list of lists of names".to_owned();
        match attribute {
            None => Ok(Self::default()),
            Some(AttributeValue::L(orders)) => {
                let orders: Option<_> = orders.into_iter().map(Order::from_attribute).collect();
                orders.map(Self).ok_or_else(damage)
            }
            Some(_) => Err(damage()),
        }
    }
}

impl Order {
    fn of(list: Vec<String>) -> Self {
        Self(list.into_iter().enumerate().map(|(place, field)| (field, place)).collect())
    }

    fn has_all(&self, fields: &[&String]) -> bool {
        fields.len() <= self.0.len() && fields.iter().all(|field| self.0.contains_key(*field))
    }

    fn to_attribute(&self) -> AttributeValue {
        let mut fields: Vec<_> = self.0.iter().collect();
        fields.sort_unstable_by_key(|(_, place)| **place);
        AttributeValue::L(fields.into_iter().map(|(field, _)| text(field)).collect())
    }

    fn from_attribute(attribute: AttributeValue) -> Option<Self> {
        let AttributeValue::L(fields) = attribute else { return None };
        let field = |field| match field {
            AttributeValue::S(field) => Some(field),
            _ => None,
        };
        fields.into_iter().map(field).collect::<Option<_>>().map(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout_of(lists: &[&[&str]]) -> Layout {
        let list = |list: &&[&str]| list.iter().map(|&field| field.to_owned()).collect();
        Layout::of(lists.iter().map(list).collect()).expect("few orders")
    }

    fn noted(layout: &Layout) -> usize {
        layout.0.len()
    }

    fn ordered(layout: &Layout, fields: &[&str]) -> Vec<String> {
        let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
        let mut ordered: Vec<&String> = fields.iter().collect();
        layout.order(&mut ordered);
        ordered.into_iter().cloned().collect()
    }

    #[test]
    fn sorted_fields_need_no_layout() {
        let layout = layout_of(&[&["a", "b"], &["b", "c"], &[], &["a"]]);
        assert_eq!(layout.to_attribute(), None);
        assert_eq!(ordered(&layout, &["b", "a"]), ["a", "b"]);
    }

    #[test]
    fn one_order_serves_all_values_of_a_struct() {
        let layout = layout_of(&[&["z", "b", "a"], &["z", "a"], &["b", "a"], &["a"], &["x", "y"]]);
        assert_eq!(noted(&layout), 1);
        assert_eq!(ordered(&layout, &["a", "z"]), ["z", "a"]);
        assert_eq!(ordered(&layout, &["y", "x"]), ["x", "y"]);
    }

    #[test]
    fn a_smaller_object_may_have_another_order() {
        let layout = layout_of(&[&["z", "b", "a"], &["a", "z"]]);
        assert_eq!(noted(&layout), 2);
        assert_eq!(ordered(&layout, &["a", "z"]), ["a", "z"]);
        assert_eq!(ordered(&layout, &["a", "b", "z"]), ["z", "b", "a"]);
    }

    #[test]
    fn a_document_with_too_many_orders_has_no_layout() {
        let list = |n: usize| vec![format!("{n:03}b"), format!("{n:03}a")];
        assert!(Layout::of((0..64).map(list).collect()).is_some());
        assert!(Layout::of((0..65).map(list).collect()).is_none());
    }

    #[test]
    fn a_layout_comes_back() {
        let layout = layout_of(&[&["z", "b", "a"], &["a", "z"], &["d", "c"]]);
        let stored = layout.to_attribute();
        assert_eq!(Layout::from_attribute(stored), Ok(layout));
        assert!(Layout::from_attribute(Some(text("z,b"))).is_err());
        assert!(Layout::from_attribute(Some(AttributeValue::L(vec![text("z")]))).is_err());
    }
}
