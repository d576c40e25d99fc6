//! Literals of solved types: constants where the type is one of the library's, else calls of the literal initialisers.

use unicode_segmentation::UnicodeSegmentation;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::solver::{ApplyKind, ArgInfo, Constraint, Lookup, System};
use crate::bodies::thir::*;
use crate::items::hir::{Arg, Expr, ExprId, InterpolationSegment, Magic};
use crate::items::ids::DefId;
use crate::types::lang::{self, LangItem, is_lang, lang, optional_payload};
use crate::types::ty::{Ty, TyKind, TyList};

impl<'db> Checker<'db> {
    /// Whether a type is one of the library's that are built as constants.
    fn builtin_literal(&self, ty: Ty, item: LangItem) -> bool {
        ty.as_nominal().is_some() && self.conforms(ty, lang(self.db, item))
    }

    pub fn build_literal(&mut self, expr: ExprId, ty: Ty) -> TExprId {
        let body = self.body;
        if ty.is_error() {
            return self.error_expr(expr, ty);
        }
        match &body.exprs[expr] {
            Expr::Int(value) => {
                self.check_range(expr, *value, ty);
                self.int_literal(expr, *value, ty)
            }
            Expr::BigInt(text) => {
                self.error_at(
                    "literal-overflow",
                    expr,
                    format!(
                        "integer literal '{text}' overflows when stored into '{}'",
                        self.show(ty)
                    ),
                );
                self.error_expr(expr, ty)
            }
            Expr::Float(bits, text) => self.float_literal(expr, *bits, *text, ty),
            Expr::Bool(value) => {
                if self.builtin_literal(ty, LangItem::BuiltinBooleanLiteral) {
                    return self.node(TExprKind::Bool(*value), ty, expr);
                }
                let inner_ty = self
                    .literal_part(
                        ty,
                        LangItem::ExpressibleByBooleanLiteral,
                        "BooleanLiteralType",
                    )
                    .unwrap_or(lang::bool_ty(self.db));
                let inner = self.node(TExprKind::Bool(*value), inner_ty, expr);
                self.literal_init(expr, ty, LangItem::ExpressibleByBooleanLiteral, inner)
            }
            Expr::Nil => {
                if optional_payload(self.db, ty).is_some() {
                    return self.node(TExprKind::NilOptional, ty, expr);
                }
                let unit = self.node(TExprKind::Unit, Ty::unit(), expr);
                self.literal_init(expr, ty, LangItem::ExpressibleByNilLiteral, unit)
            }
            Expr::String(text) => self.string_literal(expr, *text, ty),
            Expr::Interpolation(segments) => self.interpolation(expr, segments, ty),
            Expr::Magic(magic) => match magic {
                Magic::DsoHandle => self.node(TExprKind::Magic(*magic), ty, expr),
                _ => self.node(TExprKind::Magic(*magic), ty, expr),
            },
            _ => self.error_expr(expr, ty),
        }
    }

    fn check_range(&mut self, expr: ExprId, value: i128, ty: Ty) {
        let name = match ty.as_nominal() {
            Some((def, _)) => def.name(self.db),
            None => return,
        };
        let (min, max): (i128, i128) = match name.as_str() {
            "Int8" => (i8::MIN.into(), i8::MAX.into()),
            "Int16" => (i16::MIN.into(), i16::MAX.into()),
            "Int32" => (i32::MIN.into(), i32::MAX.into()),
            "Int64" | "Int" => (i64::MIN.into(), i64::MAX.into()),
            "UInt8" => (0, u8::MAX.into()),
            "UInt16" => (0, u16::MAX.into()),
            "UInt32" => (0, u32::MAX.into()),
            "UInt64" | "UInt" => (0, u64::MAX.into()),
            _ => return,
        };
        let library = ty
            .nominal_def()
            .is_some_and(|d| super::decl::module_of(self.db, d) == lang::library_module(self.db));
        if library && !(min..=max).contains(&value) {
            let shown = self.show(ty);
            let message = if value < 0 && min == 0 {
                format!(
                    "negative integer '{value}' overflows when stored into unsigned type '{shown}'"
                )
            } else {
                format!("integer literal '{value}' overflows when stored into '{shown}'")
            };
            self.error_at("literal-overflow", expr, message);
        }
    }

    fn int_literal(&mut self, expr: ExprId, value: i128, ty: Ty) -> TExprId {
        if self.builtin_literal(ty, LangItem::BuiltinIntegerLiteral) {
            return self.node(TExprKind::Int(value), ty, expr);
        }
        if self.builtin_literal(ty, LangItem::BuiltinFloatLiteral) {
            return self.node(TExprKind::Float((value as f64).to_bits()), ty, expr);
        }
        let part = self
            .literal_part(
                ty,
                LangItem::ExpressibleByIntegerLiteral,
                "IntegerLiteralType",
            )
            .unwrap_or(lang::int_ty(self.db));
        let inner = self.node(TExprKind::Int(value), part, expr);
        self.literal_init(expr, ty, LangItem::ExpressibleByIntegerLiteral, inner)
    }

    fn float_literal(&mut self, expr: ExprId, bits: u64, text: Name, ty: Ty) -> TExprId {
        if self.builtin_literal(ty, LangItem::BuiltinFloatLiteral) {
            let bits = if is_lang(self.db, ty, LangItem::Float) {
                // Rounded once, from the spelling.
                let digits: String = text.as_str().chars().filter(|c| *c != '_').collect();
                match digits.parse::<f32>() {
                    Ok(value) => f64::from(value).to_bits(),
                    Err(_) => f64::from(f64::from_bits(bits) as f32).to_bits(),
                }
            } else {
                bits
            };
            return self.node(TExprKind::Float(bits), ty, expr);
        }
        let part = self
            .literal_part(ty, LangItem::ExpressibleByFloatLiteral, "FloatLiteralType")
            .unwrap_or(lang::double_ty(self.db));
        let inner = self.node(TExprKind::Float(bits), part, expr);
        self.literal_init(expr, ty, LangItem::ExpressibleByFloatLiteral, inner)
    }

    fn string_literal(&mut self, expr: ExprId, text: Name, ty: Ty) -> TExprId {
        if self.builtin_literal(ty, LangItem::BuiltinStringLiteral) {
            return self.node(TExprKind::String(text), ty, expr);
        }
        let one = text.as_str().graphemes(true).count() == 1;
        if self.builtin_literal(ty, LangItem::BuiltinExtendedGraphemeClusterLiteral) {
            if !one {
                self.error_at(
                    "character-literal",
                    expr,
                    "string literal does not hold exactly one character",
                );
            }
            return self.node(TExprKind::Character(text), ty, expr);
        }
        if self.builtin_literal(ty, LangItem::BuiltinUnicodeScalarLiteral) {
            let mut chars = text.as_str().chars();
            return match (chars.next(), chars.next()) {
                (Some(c), None) => self.node(TExprKind::Scalar(c as u32), ty, expr),
                _ => self.error_expr(expr, ty),
            };
        }
        for (item, part, fallback) in [
            (
                LangItem::ExpressibleByStringLiteral,
                "StringLiteralType",
                LangItem::String,
            ),
            (
                LangItem::ExpressibleByExtendedGraphemeClusterLiteral,
                "ExtendedGraphemeClusterLiteralType",
                LangItem::Character,
            ),
            (
                LangItem::ExpressibleByUnicodeScalarLiteral,
                "UnicodeScalarLiteralType",
                LangItem::Character,
            ),
        ] {
            if self.conforms(ty, lang(self.db, item)) {
                let part = self
                    .literal_part(ty, item, part)
                    .unwrap_or_else(|| lang::lang_ty(self.db, fallback, &[]));
                if part == ty {
                    return self.error_expr(expr, ty);
                }
                let inner = self.string_literal(expr, text, part);
                return self.literal_init(expr, ty, item, inner);
            }
        }
        self.error_expr(expr, ty)
    }

    /// The associated type of a literal protocol for a type.
    pub fn literal_part(&self, ty: Ty, protocol: LangItem, assoc: &str) -> Option<Ty> {
        let assoc = self.assoc_named(lang(self.db, protocol), assoc)?;
        let projection = Ty::new(TyKind::Assoc { base: ty, assoc });
        let part = self.norm(projection);
        if part != projection {
            return Some(part);
        }
        match crate::types::assoc_type(self.db, ty, assoc) {
            Some(part) => Some(part),
            None => Some(projection),
        }
    }

    /// The initialiser that a literal protocol requires.
    pub fn literal_requirement(&self, protocol: LangItem) -> Option<DefId> {
        let protocol = lang(self.db, protocol);
        crate::types::protocol_requirements(self.db, protocol)
            .iter()
            .copied()
            .find(|d| d.kind(self.db) == crate::items::DefKind::Init)
    }

    pub fn literal_init(
        &mut self,
        expr: ExprId,
        ty: Ty,
        protocol: LangItem,
        inner: TExprId,
    ) -> TExprId {
        let Some(init) = self.literal_requirement(protocol) else {
            return self.error_expr(expr, ty);
        };
        let args = TyList::new(&[ty]);
        self.declared_call(expr, init, args, None, vec![TArg::Value(inner)], ty, None)
    }

    pub fn build_array(&mut self, expr: ExprId, elems: &[ExprId], ty: Ty) -> TExprId {
        if ty.is_error() {
            return self.error_expr(expr, ty);
        }
        let plain = lang::payload_of(self.db, ty, LangItem::Array);
        let elem = plain.or_else(|| {
            self.literal_part(
                ty,
                LangItem::ExpressibleByArrayLiteral,
                "ArrayLiteralElement",
            )
        });
        let elem = elem.unwrap_or(Ty::error());
        let elems = elems
            .iter()
            .map(|&e| {
                let built = self.build(e);
                self.coerce(built, elem)
            })
            .collect();
        let init = match plain {
            Some(_) => None,
            None => self
                .literal_requirement(LangItem::ExpressibleByArrayLiteral)
                .map(|def| DeclUse {
                    def,
                    args: TyList::new(&[ty]),
                }),
        };
        self.node(TExprKind::Array { elems, init }, ty, expr)
    }

    pub fn build_dictionary(
        &mut self,
        expr: ExprId,
        pairs: &'db [(ExprId, ExprId)],
        ty: Ty,
    ) -> TExprId {
        if ty.is_error() {
            return self.error_expr(expr, ty);
        }
        let protocol = LangItem::ExpressibleByDictionaryLiteral;
        let part = |this: &Self, name: &str| this.literal_part(ty, protocol, name);
        let key = part(self, "Key").unwrap_or(Ty::error());
        let value = part(self, "Value").unwrap_or(Ty::error());
        let elems = pairs
            .iter()
            .map(|&(k, v)| {
                let k = self.build(k);
                let k = self.coerce(k, key);
                let v = self.build(v);
                (k, self.coerce(v, value))
            })
            .collect();
        self.dictionary_node(expr, elems, ty)
    }

    /// A dictionary literal of finished elements.
    pub fn dictionary_node(
        &mut self,
        expr: ExprId,
        elems: Vec<(TExprId, TExprId)>,
        ty: Ty,
    ) -> TExprId {
        let protocol = LangItem::ExpressibleByDictionaryLiteral;
        let Some(def) = self.literal_requirement(protocol) else {
            return self.error_expr(expr, ty);
        };
        let init = DeclUse {
            def,
            args: TyList::new(&[ty]),
        };
        self.node(TExprKind::Dictionary { elems, init }, ty, expr)
    }

    /// `"a\(b)c"`: appends to an interpolation, then makes the value from it.
    fn interpolation(
        &mut self,
        expr: ExprId,
        segments: &'db [InterpolationSegment],
        ty: Ty,
    ) -> TExprId {
        let db = self.db;
        let builder = self
            .literal_part(
                ty,
                LangItem::ExpressibleByStringInterpolation,
                "StringInterpolation",
            )
            .filter(|t| t.as_nominal().is_some())
            .unwrap_or_else(|| lang::lang_ty(db, LangItem::DefaultStringInterpolation, &[]));
        let saved = self.scope;
        if let Some(&scope) = self.scope_of.get(&expr) {
            self.scope = scope;
        }
        let local = self.temp("$interpolation", builder, TLocalKind::Var);
        let mut stmts = Vec::new();
        let capacity: usize = segments
            .iter()
            .map(|s| match s {
                InterpolationSegment::Literal(text) => text.as_str().len(),
                InterpolationSegment::Expr(_) => 0,
            })
            .sum();
        let count = segments
            .iter()
            .filter(|s| matches!(s, InterpolationSegment::Expr(_)))
            .count();
        let int = lang::int_ty(db);
        let capacity = self.node(TExprKind::Int(capacity as i128), int, expr);
        let count = self.node(TExprKind::Int(count as i128), int, expr);
        let protocol = lang::lang(db, LangItem::StringInterpolationProtocol);
        let requirement = |this: &Self, kind: crate::items::DefKind, name: &str| {
            let requirements = crate::types::protocol_requirements(this.db, protocol);
            requirements.iter().copied().find(|d| {
                d.kind(this.db) == kind
                    && (kind == crate::items::DefKind::Init
                        || d.name(this.db).as_str().starts_with(name))
            })
        };
        let make = requirement(self, crate::items::DefKind::Init, "init");
        let append = requirement(self, crate::items::DefKind::Func, "appendLiteral");
        let (Some(make), Some(append)) = (make, append) else {
            self.scope = saved;
            return self.error_expr(expr, ty);
        };
        let args = TyList::new(&[builder]);
        let start = self.declared_call(
            expr,
            make,
            args,
            None,
            vec![TArg::Value(capacity), TArg::Value(count)],
            builder,
            None,
        );
        let pat = self.out.pats.alloc(TPat {
            kind: TPatKind::Bind(local),
            ty: builder,
            src: Some(expr),
        });
        stmts.push(TStmt::Let {
            pat,
            init: Some(start),
            els: None,
        });
        let literal_ty = self
            .assoc_named(protocol, "StringLiteralType")
            .map(|assoc| {
                self.norm(Ty::new(TyKind::Assoc {
                    base: builder,
                    assoc,
                }))
            })
            .filter(|t| t.as_nominal().is_some())
            .unwrap_or(lang::string_ty(db));
        let append_literal = |this: &mut Self, text: Name| {
            let value = this.string_literal(expr, text, literal_ty);
            let receiver = this.node(TExprKind::Local(local), builder, expr);
            let value = vec![TArg::Value(value)];
            let call =
                this.declared_call(expr, append, args, Some(receiver), value, Ty::unit(), None);
            TStmt::Expr(call)
        };
        // Literals, empty ones too, stand around every expression; to the default builder the empty ones make no difference.
        let all = builder != lang::lang_ty(db, LangItem::DefaultStringInterpolation, &[]);
        let mut after_literal = false;
        for segment in segments {
            match segment {
                InterpolationSegment::Literal(text) if text.is_empty() => {}
                InterpolationSegment::Literal(text) => {
                    stmts.push(append_literal(self, *text));
                    after_literal = true;
                }
                InterpolationSegment::Expr(args) => {
                    if all && !after_literal {
                        stmts.push(append_literal(self, Name::new("")));
                    }
                    let call = self.member_call(expr, local, builder, "appendInterpolation", args);
                    stmts.push(TStmt::Expr(call));
                    after_literal = false;
                }
            }
        }
        if all && !after_literal {
            stmts.push(append_literal(self, Name::new("")));
        }
        self.scope = saved;
        let whole = self.node(TExprKind::Local(local), builder, expr);
        let value = self.literal_init(expr, ty, LangItem::ExpressibleByStringInterpolation, whole);
        self.node(TExprKind::Block { stmts, value }, ty, expr)
    }

    /// A call of a method of a local that no source text spells; the arguments are written ones.
    pub fn member_call(
        &mut self,
        key: ExprId,
        local: TLocalId,
        ty: Ty,
        name: &str,
        args: &'db [Arg],
    ) -> TExprId {
        let saved_cs = std::mem::replace(&mut self.cs, System::new(self.table.len()));
        let saved_facts = std::mem::take(&mut self.facts);
        let saved_root = std::mem::replace(&mut self.root_expr, key);
        self.nesting += 1;
        let member = self.table.fresh();
        let result = self.table.fresh();
        let infos: Vec<ArgInfo> = args
            .iter()
            .map(|a| ArgInfo {
                label: a.label,
                expr: a.expr,
                ty: self.generate(a.expr),
            })
            .collect();
        self.add(Constraint::Apply(std::rc::Rc::new(
            crate::bodies::solver::Apply {
                call: key,
                key,
                callee: member,
                args: infos,
                trailing: 0,
                result,
                kind: ApplyKind::Call,
            },
        )));
        self.add(Constraint::Member {
            key,
            base: ty,
            name: Name::new(name),
            how: Lookup::Explicit,
            result: member,
        });
        let built = match self.solve_reporting() {
            Ok(()) => self.finish_member_call(key, local, ty, args),
            Err(()) => self.error_expr(key, Ty::unit()),
        };
        self.nesting -= 1;
        self.root_expr = saved_root;
        self.cs = saved_cs;
        self.facts = saved_facts;
        built
    }
}
