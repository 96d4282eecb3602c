//! Where the documents of a view are.

use es_core::{Error, Result, ViewName};

use crate::item::{Damage, Item, TakeAttribute, key, text, texts};
use crate::progress::{Condition, Garbage, Write};
use crate::store::DynamoStore;

const TABLE: &str = "table";
const GENERATION: &str = "generation";
const INDEXED: &str = "indexed";
const INDEXING: &str = "indexing";

/// The pointer of a view: which build of it readers see and writers change. A view that was never
/// prepared has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    pub(super) table: String,
    /// One build of the view. No two builds have the same, so a pointer that has it still was never
    /// another in between.
    pub(super) generation: String,
    /// The fields that documents can be listed by.
    pub(super) indexed: Vec<String>,
    /// The fields that are being indexed: new documents have them in the index, not yet all old ones.
    pub(super) indexing: Vec<String>,
}

impl Pointer {
    /// The key of a view's pointer in the state table.
    pub(super) fn key(view: &ViewName) -> Item {
        key(format!("view#{view}"), "pointer")
    }

    pub(super) fn to_item(&self, view: &ViewName) -> Item {
        let mut item = Self::key(view);
        item.insert(TABLE.to_owned(), text(&self.table));
        item.insert(GENERATION.to_owned(), text(&self.generation));
        item.insert(INDEXED.to_owned(), texts(&self.indexed));
        item.insert(INDEXING.to_owned(), texts(&self.indexing));
        item
    }

    fn read(view: &ViewName, mut item: Item) -> Result<Self> {
        Self::take(&mut item).map_err(|reason| Error::Corrupt {
            what: format!("the pointer of view {view}"),
            reason,
        })
    }

    fn take(item: &mut Item) -> Result<Self, Damage> {
        Ok(Self {
            table: item.take_text(TABLE)?,
            generation: item.take_text(GENERATION)?,
            indexed: item.take_texts_if_any(INDEXED)?.unwrap_or_default(),
            indexing: item.take_texts_if_any(INDEXING)?.unwrap_or_default(),
        })
    }

    /// The write that puts this pointer in the place of the one that was read, or of none. It is refused
    /// if there is another by then.
    pub(super) fn replace(&self, view: &ViewName, read: Option<&Self>, state: &str) -> Write {
        Self::unmoved(read, Write::put(state, self.to_item(view)))
    }

    /// The write that removes the pointer as it was read.
    pub(super) fn remove(&self, view: &ViewName, state: &str) -> Write {
        Self::unmoved(Some(self), Write::delete(state, Self::key(view)))
    }

    fn unmoved(read: Option<&Self>, write: Write) -> Write {
        match read {
            None => write.when(Condition::Absent(GENERATION)),
            Some(read) => write
                .when(Condition::Equals(GENERATION, text(&read.generation)))
                .when(Condition::Equals(INDEXED, texts(&read.indexed)))
                .when(Condition::Equals(INDEXING, texts(&read.indexing))),
        }
    }

    /// The documents that it points to, when nobody points to them any more.
    pub(super) fn garbage(&self) -> Garbage {
        Garbage::Generation { table: self.table.clone(), generation: self.generation.clone() }
    }

    /// The fields whose values documents have in the index.
    pub(super) fn fields_in_index(&self) -> impl Iterator<Item = &String> {
        self.indexed.iter().chain(&self.indexing)
    }

    /// Whether documents can be listed by this field.
    pub(super) fn lists_by(&self, field: &str) -> bool {
        self.indexed.iter().any(|indexed| indexed == field)
    }

    /// The same view without documents, and so without any that lack in an index.
    pub(super) fn emptied(&self, generation: String) -> Self {
        let indexed = self.fields_in_index().cloned().collect();
        Self { table: self.table.clone(), generation, indexed, indexing: Vec::new() }
    }
}

/// The error of an access to a view that has no pointer.
pub(super) fn never_prepared(view: &ViewName) -> Error {
    Error::Misuse(format!("view {view} was never prepared in this store"))
}

impl DynamoStore {
    /// A name that no generation had. It is part of every document.
    pub(super) fn new_generation(&self) -> String {
        format!("{:016x}", self.options().entropy.next_u64())
    }

    /// The pointer as it is now, if there is one.
    pub(super) async fn pointer_if_any(&self, view: &ViewName) -> Result<Option<Pointer>> {
        let what = format!("reading where view {view} is");
        let table = &self.tables().state;
        let request = self
            .dynamodb()
            .get_item()
            .table_name(table)
            .set_key(Some(Pointer::key(view)))
            .consistent_read(true);
        let found = request.send().await.map_err(|error| self.failed(&what, table, error))?;
        let pointer = found.item.map(|item| Pointer::read(view, item)).transpose()?;
        self.known_pointers().learn(view, pointer.as_ref());
        Ok(pointer)
    }

    /// The pointer as it is now.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when there is none.
    pub(super) async fn pointer(&self, view: &ViewName) -> Result<Pointer> {
        self.pointer_if_any(view).await?.ok_or_else(|| never_prepared(view))
    }

    /// Puts a pointer in the place of the one that was read, or of none; `false` if there is another by
    /// now.
    pub(super) async fn move_pointer(
        &self,
        view: &ViewName,
        read: Option<&Pointer>,
        to: &Pointer,
    ) -> Result<bool> {
        let what = format!("changing where view {view} is");
        let table = &self.tables().state;
        let put = self.dynamodb().put_item().table_name(table).set_item(Some(to.to_item(view)));
        let put = match read {
            None => put
                .condition_expression("attribute_not_exists(#generation)")
                .expression_attribute_names("#generation", GENERATION),
            Some(read) => put
                .condition_expression(
                    "#generation = :generation AND #indexed = :indexed AND #indexing = :indexing",
                )
                .expression_attribute_names("#generation", GENERATION)
                .expression_attribute_values(":generation", text(&read.generation))
                .expression_attribute_names("#indexed", INDEXED)
                .expression_attribute_values(":indexed", texts(&read.indexed))
                .expression_attribute_names("#indexing", INDEXING)
                .expression_attribute_values(":indexing", texts(&read.indexing)),
        };
        match self.past_transactions(|| put.clone().send()).await {
            Ok(_) => {
                self.known_pointers().learn(view, Some(to));
                Ok(true)
            }
            Err(error) => match error.as_service_error() {
                Some(refusal) if refusal.is_conditional_check_failed_exception() => Ok(false),
                _ => Err(self.failed(&what, table, error)),
            },
        }
    }

    /// The pointer as it was seen last. What is done with it has to be checked against the pointer as
    /// it is.
    pub(super) async fn known_pointer(&self, view: &ViewName) -> Result<Pointer> {
        match self.known_pointers().of(view) {
            Some(pointer) => Ok(pointer),
            None => self.pointer(view).await,
        }
    }
}
