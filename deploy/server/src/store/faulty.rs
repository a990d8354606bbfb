//! A store in memory that hangs, is full, takes no writes, went, or was replaced, when it is told to.

use alloc::sync::Arc;
use core::fmt;
use std::io::ErrorKind;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::watch;

use super::Store;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    /// Nothing is answered until this is over; then what was asked is done.
    Hung,
    /// The same of what changes objects.
    HungChanges,
    Full,
    ReadOnly,
    /// As a folder that is not there any longer.
    Gone,
    /// As an empty disk that was mounted over it, or one that was unmounted.
    Empty,
    /// As the disk of another store.
    Another,
}

/// The store that was opened, and the one that may be in its place.
#[derive(Clone, Debug)]
pub(crate) struct Faulty {
    objects: Arc<InMemory>,
    other: Arc<InMemory>,
    fault: watch::Sender<Fault>,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        Self {
            objects: Arc::default(),
            other: Arc::default(),
            fault: watch::Sender::new(Fault::Nothing),
        }
    }

    /// As a server opens it.
    pub(crate) fn open(&self) -> Store {
        Store::over(Arc::new(self.clone()))
    }

    pub(crate) async fn set(&self, fault: Fault) {
        if fault == Fault::Another {
            let marker = r#"{"format":"tenebra-store 1","id":"00"}"#;
            let at = Path::from("store.json");
            let put = self
                .other
                .put_opts(&at, marker.into(), PutOptions::default());
            put.await.unwrap();
        }
        self.fault.send_replace(fault);
    }

    /// Objects that were written to the wrong place.
    pub(crate) async fn strays(&self) -> Vec<String> {
        let listed: Vec<ObjectMeta> = self.other.list(None).try_collect().await.unwrap();
        let names = listed.into_iter().map(|meta| meta.location.to_string());
        names.filter(|name| name != "store.json").collect()
    }

    /// Where to ask, once it answers.
    async fn place(&self, changes: bool) -> Result<&InMemory> {
        let hangs =
            |fault: &Fault| *fault == Fault::Hung || changes && *fault == Fault::HungChanges;
        let mut watched = self.fault.subscribe();
        let fault = *watched.wait_for(|fault| !hangs(fault)).await.unwrap();
        let refused = |kind: ErrorKind| Error::Generic {
            store: "faulty",
            source: Box::new(std::io::Error::from(kind)),
        };
        match fault {
            Fault::ReadOnly if changes => Err(refused(ErrorKind::ReadOnlyFilesystem)),
            Fault::Gone => Err(Error::NotFound {
                path: String::new(),
                source: Box::new(std::io::Error::from(ErrorKind::NotFound)),
            }),
            Fault::Empty | Fault::Another => Ok(&self.other),
            _ => Ok(&self.objects),
        }
    }

    async fn place_to_write(&self) -> Result<&InMemory> {
        let place = self.place(true).await?;
        if *self.fault.borrow() == Fault::Full {
            return Err(Error::Generic {
                store: "faulty",
                source: Box::new(std::io::Error::from(ErrorKind::StorageFull)),
            });
        }
        Ok(place)
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.place_to_write()
            .await?
            .put_opts(at, payload, options)
            .await
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(Error::NotImplemented {
            operation: "put_multipart_opts".into(),
            implementer: "faulty".into(),
        })
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.place(false).await?.get_opts(at, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let this = self.clone();
        let delete = move |at: Path| {
            let this = this.clone();
            async move {
                this.place(true).await?.delete(&at).await?;
                Ok(at)
            }
        };
        locations.and_then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (this, prefix) = (self.clone(), prefix.cloned());
        let listed = async move {
            let place = this.place(false).await?;
            Ok::<_, Error>(place.list(prefix.as_ref()))
        };
        stream::once(listed).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.place(false).await?.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.place_to_write()
            .await?
            .copy_opts(from, to, options)
            .await
    }
}
