//! Key path expressions and accesses through them.

use super::builder::Builder;
use super::data::*;
use crate::bodies::thir::*;
use crate::types::ty::Ty;

impl<'a> Builder<'a> {
    /// The value of a key path literal.
    pub fn key_path(
        &mut self,
        _e: TExprId,
        _root: Ty,
        _components: &'a [TKeyPathComponent],
        _ty: Ty,
        _dest: &Place,
    ) {
        self.unsupported("key path");
    }

    /// The place that `base[keyPath: path]` means.
    pub fn key_path_access(&mut self, e: TExprId) -> Place {
        self.unsupported("key path access");
        let ty = self.ty_of(e);
        self.temp(ty).into()
    }
}
