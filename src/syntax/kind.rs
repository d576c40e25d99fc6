//! The kinds of tokens and nodes, shared by both dialects, and rowan's view of them.

/// Declares [`SyntaxKind`] with its tables, so that a kind is written down once.
macro_rules! syntax_kinds {
    (
        trivia { $($trivia:ident,)* }
        literals { $($literal:ident,)* }
        punctuation { $($punct:ident $ptext:literal,)* }
        keywords { $($kw:ident $codira:literal $swift:literal,)* }
        contextual { $($ctx:ident $ctext:literal,)* }
        nodes { $($node:ident,)* }
    ) => {
        /// What a token or a node of the syntax tree is.
        ///
        /// Keywords whose spelling differs between the dialects share one kind (`FN_KW` is `fn` and `func`).
        #[allow(non_camel_case_types, missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum SyntaxKind {
            $($trivia,)*
            $($literal,)*
            $($punct,)*
            $($kw,)*
            $($ctx,)*
            $($node,)*
        }

        /// Every kind in the order of its number.
        const ALL: &[SyntaxKind] = &[
            $(SyntaxKind::$trivia,)* $(SyntaxKind::$literal,)* $(SyntaxKind::$punct,)*
            $(SyntaxKind::$kw,)* $(SyntaxKind::$ctx,)* $(SyntaxKind::$node,)*
        ];

        /// Reserved words: kind, Codira's spelling, Swift's spelling.
        pub(crate) const KEYWORDS: &[(SyntaxKind, &str, &str)] = &[$((SyntaxKind::$kw, $codira, $swift),)*];

        /// Words that are keywords only in some places.
        pub(crate) const CONTEXTUAL: &[(SyntaxKind, &str)] = &[$((SyntaxKind::$ctx, $ctext),)*];

        impl SyntaxKind {
            /// The text of a token that has only one, in the given dialect.
            pub fn static_text(self, dialect: crate::syntax::Dialect) -> Option<&'static str> {
                match self {
                    $(SyntaxKind::$punct => Some($ptext),)*
                    $(SyntaxKind::$kw => Some(match dialect {
                        crate::syntax::Dialect::Codira => $codira,
                        crate::syntax::Dialect::Swift => $swift,
                    }),)*
                    $(SyntaxKind::$ctx => Some($ctext),)*
                    _ => None,
                }
            }

            /// Whether this is a reserved word.
            pub fn is_keyword(self) -> bool {
                matches!(self, $(SyntaxKind::$kw)|*)
            }
        }
    };
}

syntax_kinds! {
    trivia {
        WHITESPACE, LINE_COMMENT, BLOCK_COMMENT, SHEBANG, UNKNOWN,
    }
    literals {
        EOF, IDENT, DOLLAR_IDENT, INT_NUMBER, FLOAT_NUMBER,
        STRING_START, STRING_TEXT, STRING_END, INTERPOLATION_START, INTERPOLATION_END,
        REGEX, PLACEHOLDER,
        BINARY_OP, PREFIX_OP, POSTFIX_OP,
    }
    punctuation {
        L_PAREN "(", R_PAREN ")", L_BRACKET "[", R_BRACKET "]", L_BRACE "{", R_BRACE "}",
        COMMA ",", SEMICOLON ";", COLON ":", DOT ".", AT "@", POUND "#", BACKSLASH "\\",
        EQ "=", ARROW "->", AMP "&", QUESTION "?", POSTFIX_QUESTION "?", POSTFIX_BANG "!",
        L_ANGLE "<", R_ANGLE ">", ELLIPSIS "...", STAR "*", MINUS "-", TILDE "~", EQ_EQ "==",
        UNDERSCORE "_",
        POUND_IF "#if", POUND_ELSEIF "#elseif", POUND_ELSE "#else", POUND_ENDIF "#endif",
        POUND_SOURCE_LOCATION "#sourceLocation", POUND_AVAILABLE "#available", POUND_UNAVAILABLE "#unavailable",
    }
    keywords {
        FN_KW "fn" "func", THIS_KW "this" "self", LET_KW "immutable" "let",
        ASSOCIATEDTYPE_KW "associatedtype" "associatedtype", CLASS_KW "class" "class", DEINIT_KW "deinit" "deinit",
        ENUM_KW "enum" "enum", EXTENSION_KW "extension" "extension", IMPORT_KW "import" "import", INIT_KW "init" "init",
        INOUT_KW "inout" "inout", OPERATOR_KW "operator" "operator", PRECEDENCEGROUP_KW "precedencegroup" "precedencegroup",
        PROTOCOL_KW "protocol" "protocol", STRUCT_KW "struct" "struct", SUBSCRIPT_KW "subscript" "subscript",
        TYPEALIAS_KW "typealias" "typealias", VAR_KW "var" "var", FILEPRIVATE_KW "fileprivate" "fileprivate",
        INTERNAL_KW "internal" "internal", PRIVATE_KW "private" "private", PUBLIC_KW "public" "public",
        STATIC_KW "static" "static", DEFER_KW "defer" "defer", IF_KW "if" "if", GUARD_KW "guard" "guard", DO_KW "do" "do",
        REPEAT_KW "repeat" "repeat", ELSE_KW "else" "else", FOR_KW "for" "for", IN_KW "in" "in", WHILE_KW "while" "while",
        RETURN_KW "return" "return", BREAK_KW "break" "break", CONTINUE_KW "continue" "continue",
        FALLTHROUGH_KW "fallthrough" "fallthrough", SWITCH_KW "switch" "switch", CASE_KW "case" "case",
        DEFAULT_KW "default" "default", WHERE_KW "where" "where", CATCH_KW "catch" "catch", THROW_KW "throw" "throw",
        AS_KW "as" "as", ANY_TYPE_KW "Any" "Any", FALSE_KW "false" "false", IS_KW "is" "is", NIL_KW "nil" "nil",
        RETHROWS_KW "rethrows" "rethrows", SUPER_KW "super" "super", SELF_TYPE_KW "Self" "Self", TRUE_KW "true" "true",
        TRY_KW "try" "try", THROWS_KW "throws" "throws",
    }
    contextual {
        ASYNC_KW "async", AWAIT_KW "await", REASYNC_KW "reasync", ANY_KW "any", SOME_KW "some", EACH_KW "each",
        ACTOR_KW "actor", MACRO_KW "macro", GET_KW "get", SET_KW "set", WILL_SET_KW "willSet", DID_SET_KW "didSet",
        READ_KW "_read", MODIFY_KW "_modify", READ_CORO_KW "read", MODIFY_CORO_KW "modify",
        UNSAFE_ADDRESS_KW "unsafeAddress", UNSAFE_MUTABLE_ADDRESS_KW "unsafeMutableAddress",
        MUTATING_KW "mutating", NONMUTATING_KW "nonmutating", CONSUMING_KW "consuming", BORROWING_KW "borrowing",
        UNDERSCORED_CONSUMING_KW "__consuming", OWNED_KW "__owned", SHARED_KW "__shared", SENDING_KW "sending",
        UNDERSCORED_BORROWING_KW "_borrowing", RESULT_DEPENDS_KW "_resultDependsOnSelf", CONST_KW "_const", LOCAL_KW "_local",
        ISOLATED_KW "isolated", NONISOLATED_KW "nonisolated", DISTRIBUTED_KW "distributed",
        CONVENIENCE_KW "convenience", REQUIRED_KW "required", OVERRIDE_KW "override", FINAL_KW "final", LAZY_KW "lazy",
        WEAK_KW "weak", UNOWNED_KW "unowned", DYNAMIC_KW "dynamic", OPTIONAL_KW "optional", OPEN_KW "open",
        PACKAGE_KW "package", INDIRECT_KW "indirect", PREFIX_KW "prefix", POSTFIX_KW "postfix", INFIX_KW "infix",
        CONSUME_KW "consume", COPY_KW "copy", DISCARD_KW "discard", UNSAFE_KW "unsafe", YIELD_KW "yield", THEN_KW "then",
        BORROW_KW "_borrow", MOVE_KW "_move", FORGET_KW "_forget", TYPE_KW "Type", PROTOCOL_TYPE_KW "Protocol",
        MODULE_KW "module", OF_KW "of",
    }
    nodes {
        ERROR, SOURCE_FILE,
        CODE_BLOCK, MEMBER_BLOCK,
        // Conditional compilation and other directives.
        IF_CONFIG, IF_CONFIG_CLAUSE, SOURCE_LOCATION_DIRECTIVE,
        // Declarations.
        IMPORT_DECL, IMPORT_PATH, VAR_DECL, PATTERN_BINDING, FN_DECL, INIT_DECL, DEINIT_DECL, SUBSCRIPT_DECL,
        STRUCT_DECL, CLASS_DECL, ACTOR_DECL, ENUM_DECL, PROTOCOL_DECL, EXTENSION_DECL, TYPEALIAS_DECL,
        ASSOCIATED_TYPE_DECL, ENUM_CASE_DECL, ENUM_CASE_ELEMENT, ENUM_CASE_PAYLOAD, ENUM_CASE_PARAM,
        OPERATOR_DECL, PRECEDENCE_GROUP_DECL, PRECEDENCE_GROUP_ATTRIBUTE, MACRO_DECL, MACRO_EXPANSION_DECL, MISSING_DECL,
        ACCESSOR_BLOCK, ACCESSOR_DECL, ACCESSOR_PARAM,
        ATTRIBUTE_LIST, ATTRIBUTE, ATTRIBUTE_ARGS, MODIFIER_LIST, MODIFIER,
        NAME, GENERIC_PARAM_LIST, GENERIC_PARAM, GENERIC_ARG_LIST, WHERE_CLAUSE, GENERIC_REQUIREMENT,
        INHERITANCE_CLAUSE, PRIMARY_ASSOCIATED_TYPE_LIST, PRIMARY_ASSOCIATED_TYPE,
        PARAM_LIST, PARAM, RETURN_CLAUSE, EFFECTS, THROWS_CLAUSE, TYPE_ANNOTATION, INITIALIZER,
        // Statements.
        EXPR_STMT, RETURN_STMT, THROW_STMT, BREAK_STMT, CONTINUE_STMT, FALLTHROUGH_STMT, DEFER_STMT, GUARD_STMT,
        WHILE_STMT, REPEAT_STMT, FOR_STMT, LABELED_STMT, YIELD_STMT, THEN_STMT, DISCARD_STMT,
        CONDITION_LIST, EXPR_CONDITION, BINDING_CONDITION, CASE_CONDITION, AVAILABILITY_CONDITION, AVAILABILITY_ARG,
        ELSE_CLAUSE, SWITCH_CASE, CASE_ITEM, CATCH_CLAUSE,
        // Patterns.
        WILDCARD_PATTERN, IDENT_PATTERN, TUPLE_PATTERN, TUPLE_PATTERN_ELEMENT, VALUE_BINDING_PATTERN, EXPR_PATTERN,
        IS_PATTERN, AS_PATTERN, OPTIONAL_PATTERN, ENUM_CASE_PATTERN,
        // Types.
        NAMED_TYPE, MEMBER_TYPE, METATYPE_TYPE, ARRAY_TYPE, DICTIONARY_TYPE, INLINE_ARRAY_TYPE, OPTIONAL_TYPE, IUO_TYPE, TUPLE_TYPE,
        TUPLE_TYPE_ELEMENT, FUNCTION_TYPE, COMPOSITION_TYPE, OPAQUE_TYPE, EXISTENTIAL_TYPE, ATTRIBUTED_TYPE,
        PACK_EXPANSION_TYPE, PACK_ELEMENT_TYPE, SUPPRESSED_TYPE, CLASS_CONSTRAINT_TYPE, WILDCARD_TYPE, INTEGER_TYPE, TYPE_SPECIFIER,
        // Expressions.
        INTEGER_LITERAL, FLOAT_LITERAL, STRING_LITERAL, STRING_SEGMENT, INTERPOLATION, BOOL_LITERAL, NIL_LITERAL, REGEX_LITERAL,
        ARRAY_EXPR, DICTIONARY_EXPR, DICTIONARY_ELEMENT, TUPLE_EXPR, PAREN_EXPR, IDENT_EXPR, DECL_NAME_ARGS,
        THIS_EXPR, SUPER_EXPR, MEMBER_EXPR, IMPLICIT_MEMBER_EXPR, SPECIALIZE_EXPR, CALL_EXPR, ARGUMENT_LIST, ARGUMENT,
        LABELED_TRAILING_CLOSURE, SUBSCRIPT_EXPR, OPTIONAL_CHAIN_EXPR, FORCE_UNWRAP_EXPR, POSTFIX_EXPR, PREFIX_EXPR, INOUT_EXPR,
        SEQUENCE_EXPR, BINARY_OPERATOR, ASSIGN_OPERATOR, TERNARY_OPERATOR, IS_OPERATOR, AS_OPERATOR, ARROW_OPERATOR,
        TRY_EXPR, AWAIT_EXPR, UNSAFE_EXPR, CONSUME_EXPR, COPY_EXPR, BORROW_EXPR, PACK_ELEMENT_EXPR, PACK_EXPANSION_EXPR,
        CLOSURE_EXPR, CLOSURE_SIGNATURE, CAPTURE_LIST, CAPTURE, CLOSURE_PARAM_LIST, CLOSURE_PARAM,
        KEY_PATH_EXPR, KEY_PATH_PROPERTY, KEY_PATH_SUBSCRIPT, KEY_PATH_OPTIONAL, KEY_PATH_CALL, MACRO_EXPANSION_EXPR, TYPE_EXPR, WILDCARD_EXPR,
        POSTFIX_IF_CONFIG_EXPR, IF_EXPR, SWITCH_EXPR, DO_EXPR,
    }
}

impl SyntaxKind {
    /// Whether the token carries no meaning: white space, comments and characters that are no token.
    pub fn is_trivia(self) -> bool {
        (self as u16) <= SyntaxKind::UNKNOWN as u16
    }

    /// Whether this is a token's kind rather than a node's.
    pub fn is_token(self) -> bool {
        (self as u16) < SyntaxKind::ERROR as u16
    }

    /// The kind with the given number, or `ERROR` where there is none.
    pub fn from_raw(raw: u16) -> SyntaxKind {
        ALL.get(raw as usize).copied().unwrap_or(SyntaxKind::ERROR)
    }
}

impl From<SyntaxKind> for rowan::SyntaxKind {
    fn from(kind: SyntaxKind) -> Self {
        rowan::SyntaxKind(kind as u16)
    }
}

/// The language marker that ties rowan's generic trees to [`SyntaxKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodiraLanguage {}

impl rowan::Language for CodiraLanguage {
    type Kind = SyntaxKind;

    fn kind_from_raw(raw: rowan::SyntaxKind) -> SyntaxKind {
        SyntaxKind::from_raw(raw.0)
    }

    fn kind_to_raw(kind: SyntaxKind) -> rowan::SyntaxKind {
        kind.into()
    }
}

/// A node with its position and its parent.
pub type SyntaxNode = rowan::SyntaxNode<CodiraLanguage>;
/// A token with its position and its parent.
pub type SyntaxToken = rowan::SyntaxToken<CodiraLanguage>;
/// A node or a token.
pub type SyntaxElement = rowan::SyntaxElement<CodiraLanguage>;
