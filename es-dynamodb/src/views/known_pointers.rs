//! The pointers of views as they were last seen.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use es_core::ViewName;

use super::pointer::Pointer;

/// Guesses where a view is, so that it can be read while its pointer is.
#[derive(Debug, Default)]
pub(crate) struct KnownPointers {
    pointers: Mutex<HashMap<ViewName, Pointer>>,
}

impl KnownPointers {
    pub(super) fn of(&self, view: &ViewName) -> Option<Pointer> {
        self.pointers.lock().unwrap_or_else(PoisonError::into_inner).get(view).cloned()
    }

    /// Notes what was read.
    pub(super) fn learn(&self, view: &ViewName, pointer: Option<&Pointer>) {
        let mut pointers = self.pointers.lock().unwrap_or_else(PoisonError::into_inner);
        match pointer {
            Some(pointer) => pointers.insert(view.clone(), pointer.clone()),
            None => pointers.remove(view),
        };
    }
}
