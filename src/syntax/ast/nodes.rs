//! The table of node wrappers and the enums over them.

use super::{AstChildren, AstNode, support};
use crate::syntax::kind::SyntaxKind::{self, *};
use crate::syntax::kind::{SyntaxNode, SyntaxToken};

/// Declares wrappers: per accessor the first child of a type, all children of a type, or a token of a kind.
macro_rules! ast_nodes {
    ($($(#[$doc:meta])* $name:ident = $kind:ident { $($how:ident $field:ident: $what:ident,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name {
                syntax: SyntaxNode,
            }

            impl AstNode for $name {
                fn can_cast(kind: SyntaxKind) -> bool {
                    kind == $kind
                }

                fn cast(node: SyntaxNode) -> Option<Self> {
                    (node.kind() == $kind).then_some($name { syntax: node })
                }

                fn syntax(&self) -> &SyntaxNode {
                    &self.syntax
                }
            }

            impl $name {
                $(ast_nodes!(@accessor $how $field $what);)*
            }
        )*
    };
    (@accessor one $field:ident $what:ident) => {
        #[doc = concat!("The first child that is a [`", stringify!($what), "`].")]
        pub fn $field(&self) -> Option<$what> {
            support::child(&self.syntax)
        }
    };
    (@accessor many $field:ident $what:ident) => {
        #[doc = concat!("All children that are a [`", stringify!($what), "`].")]
        pub fn $field(&self) -> AstChildren<$what> {
            support::children(&self.syntax)
        }
    };
    (@accessor tok $field:ident $what:ident) => {
        #[doc = concat!("The first direct `", stringify!($what), "` token.")]
        pub fn $field(&self) -> Option<SyntaxToken> {
            support::token(&self.syntax, $what)
        }
    };
}

/// Declares an enum over wrappers.
macro_rules! ast_enums {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident,)* })*) => {
        $(
            $(#[$doc])*
            #[allow(missing_docs)]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub enum $name {
                $($variant($variant),)*
            }

            impl AstNode for $name {
                fn can_cast(kind: SyntaxKind) -> bool {
                    $($variant::can_cast(kind))||*
                }

                fn cast(node: SyntaxNode) -> Option<Self> {
                    let kind = node.kind();
                    $(if $variant::can_cast(kind) {
                        return $variant::cast(node).map($name::$variant);
                    })*
                    None
                }

                fn syntax(&self) -> &SyntaxNode {
                    match self {
                        $($name::$variant(node) => node.syntax(),)*
                    }
                }
            }

            $(impl From<$variant> for $name {
                fn from(node: $variant) -> $name {
                    $name::$variant(node)
                }
            })*
        )*
    };
}

ast_nodes! {
    /// A whole file.
    SourceFile = SOURCE_FILE { many items: Item, }
    /// `{ statements }`
    CodeBlock = CODE_BLOCK { many items: Item, tok l_brace_token: L_BRACE, tok r_brace_token: R_BRACE, }
    /// `{ members }` of a type; an `#if` among them is an [`IfConfig`].
    MemberBlock = MEMBER_BLOCK { many items: Item, many decls: Decl, tok l_brace_token: L_BRACE, tok r_brace_token: R_BRACE, }
    /// What could not be parsed.
    ErrorNode = ERROR {  }
    /// `#if … #endif` in any context.
    IfConfig = IF_CONFIG { many clauses: IfConfigClause, }
    /// One branch of an `#if`; its children beside the condition are what the context holds.
    IfConfigClause = IF_CONFIG_CLAUSE { many items: Item, many cases: SwitchCase, }
    /// `#sourceLocation(…)`
    SourceLocationDirective = SOURCE_LOCATION_DIRECTIVE {  }
    /// `import struct A.B`
    ImportDecl = IMPORT_DECL { one attributes: AttributeList, one modifiers: ModifierList, one path: ImportPath, }
    /// The dotted path of an import.
    ImportPath = IMPORT_PATH {  }
    /// `let` or `var` with one or more bindings.
    VarDecl = VAR_DECL { one attributes: AttributeList, one modifiers: ModifierList, many bindings: PatternBinding, tok let_token: LET_KW, tok var_token: VAR_KW, }
    /// `pattern: T = value { accessors }`
    PatternBinding = PATTERN_BINDING { one pattern: Pattern, one type_annotation: TypeAnnotation, one initializer: Initializer, one accessors: AccessorBlock, }
    /// A function.
    FnDecl = FN_DECL { one attributes: AttributeList, one modifiers: ModifierList, one name: Name, one generic_params: GenericParamList, one params: ParamList, one effects: Effects, one return_clause: ReturnClause, one where_clause: WhereClause, one body: CodeBlock, tok fn_token: FN_KW, }
    /// An initialiser.
    InitDecl = INIT_DECL { one attributes: AttributeList, one modifiers: ModifierList, one generic_params: GenericParamList, one params: ParamList, one effects: Effects, one where_clause: WhereClause, one body: CodeBlock, tok init_token: INIT_KW, tok question_token: POSTFIX_QUESTION, tok bang_token: POSTFIX_BANG, }
    /// A deinitialiser.
    DeinitDecl = DEINIT_DECL { one attributes: AttributeList, one modifiers: ModifierList, one effects: Effects, one body: CodeBlock, tok deinit_token: DEINIT_KW, }
    /// A subscript.
    SubscriptDecl = SUBSCRIPT_DECL { one attributes: AttributeList, one modifiers: ModifierList, one generic_params: GenericParamList, one params: ParamList, one return_clause: ReturnClause, one where_clause: WhereClause, one accessors: AccessorBlock, tok subscript_token: SUBSCRIPT_KW, }
    /// A struct.
    StructDecl = STRUCT_DECL { one attributes: AttributeList, one modifiers: ModifierList, one name: Name, one generic_params: GenericParamList, one inheritance: InheritanceClause, one where_clause: WhereClause, one member_block: MemberBlock, }
    /// A class.
    ClassDecl = CLASS_DECL { one attributes: AttributeList, one modifiers: ModifierList, one name: Name, one generic_params: GenericParamList, one inheritance: InheritanceClause, one where_clause: WhereClause, one member_block: MemberBlock, }
    /// An actor.
    ActorDecl = ACTOR_DECL { one attributes: AttributeList, one modifiers: ModifierList, one name: Name, one generic_params: GenericParamList, one inheritance: InheritanceClause, one where_clause: WhereClause, one member_block: MemberBlock, }
    /// An enum.
    EnumDecl = ENUM_DECL { one attributes: AttributeList, one modifiers: ModifierList, one name: Name, one generic_params: GenericParamList, one inheritance: InheritanceClause, one where_clause: WhereClause, one member_block: MemberBlock, }
    /// A protocol.
    ProtocolDecl = PROTOCOL_DECL { one attributes: AttributeList, one modifiers: ModifierList, one name: Name, one primary_associated_types: PrimaryAssociatedTypeList, one inheritance: InheritanceClause, one where_clause: WhereClause, one member_block: MemberBlock, }
    /// An extension.
    ExtensionDecl = EXTENSION_DECL { one attributes: AttributeList, one modifiers: ModifierList, one extended_type: Type, one inheritance: InheritanceClause, one where_clause: WhereClause, one member_block: MemberBlock, }
    /// A type alias.
    TypealiasDecl = TYPEALIAS_DECL { one attributes: AttributeList, one modifiers: ModifierList, one name: Name, one generic_params: GenericParamList, one ty: Type, one where_clause: WhereClause, }
    /// An associated type.
    AssociatedTypeDecl = ASSOCIATED_TYPE_DECL { one attributes: AttributeList, one modifiers: ModifierList, one name: Name, one inheritance: InheritanceClause, one default_type: Type, one where_clause: WhereClause, }
    /// `case a, b(Int)`
    EnumCaseDecl = ENUM_CASE_DECL { one attributes: AttributeList, one modifiers: ModifierList, many elements: EnumCaseElement, }
    /// One case of an enum.
    EnumCaseElement = ENUM_CASE_ELEMENT { one name: Name, one payload: EnumCasePayload, one raw_value: Initializer, }
    /// The associated values of a case.
    EnumCasePayload = ENUM_CASE_PAYLOAD { many params: EnumCaseParam, }
    /// One associated value.
    EnumCaseParam = ENUM_CASE_PARAM { one ty: Type, one default_value: Initializer, }
    /// `infix operator <> : Group`
    OperatorDecl = OPERATOR_DECL { one attributes: AttributeList, one modifiers: ModifierList, one name: Name, tok group_token: IDENT, }
    /// A precedence group.
    PrecedenceGroupDecl = PRECEDENCE_GROUP_DECL { one attributes: AttributeList, one modifiers: ModifierList, one name: Name, many group_attributes: PrecedenceGroupAttribute, }
    /// `higherThan: A, B`
    PrecedenceGroupAttribute = PRECEDENCE_GROUP_ATTRIBUTE {  }
    /// A macro's declaration.
    MacroDecl = MACRO_DECL { one attributes: AttributeList, one modifiers: ModifierList, one name: Name, one generic_params: GenericParamList, one params: ParamList, one return_clause: ReturnClause, one definition: Initializer, one where_clause: WhereClause, }
    /// `#name(…)` where a declaration stands.
    MacroExpansionDecl = MACRO_EXPANSION_DECL { one attributes: AttributeList, one modifiers: ModifierList, tok name_token: IDENT, one generic_args: GenericArgList, one args: ArgumentList, one trailing_closure: ClosureExpr, }
    /// Attributes or modifiers without a declaration.
    MissingDecl = MISSING_DECL { one attributes: AttributeList, one modifiers: ModifierList, }
    /// The accessors of a property or subscript, or the statements of its getter.
    AccessorBlock = ACCESSOR_BLOCK { many accessors: AccessorDecl, many items: Item, tok l_brace_token: L_BRACE, tok r_brace_token: R_BRACE, }
    /// One accessor.
    AccessorDecl = ACCESSOR_DECL { one attributes: AttributeList, one modifiers: ModifierList, one param: AccessorParam, one effects: Effects, one body: CodeBlock, }
    /// `(newValue)`
    AccessorParam = ACCESSOR_PARAM { tok name_token: IDENT, }
    /// Attributes; some may be in an `#if`.
    AttributeList = ATTRIBUTE_LIST { many attributes: Attribute, many if_configs: IfConfig, }
    /// `@name(arguments)`
    Attribute = ATTRIBUTE { one name_type: Type, one args: ArgumentList, one token_args: AttributeArgs, }
    /// Arguments of an attribute with rules of its own, as balanced tokens.
    AttributeArgs = ATTRIBUTE_ARGS {  }
    /// Modifiers of a declaration.
    ModifierList = MODIFIER_LIST { many modifiers: Modifier, }
    /// One modifier, such as `private(set)`.
    Modifier = MODIFIER {  }
    /// The name of a declaration: an identifier, perhaps in backticks, or an operator.
    Name = NAME {  }
    /// `<T: P, each U, let N: Int>`
    GenericParamList = GENERIC_PARAM_LIST { many params: GenericParam, one where_clause: WhereClause, }
    /// One generic parameter.
    GenericParam = GENERIC_PARAM { one attributes: AttributeList, tok name_token: IDENT, tok each_token: EACH_KW, tok let_token: LET_KW, one inherited: Type, }
    /// `<Int, String>`
    GenericArgList = GENERIC_ARG_LIST { many args: Type, }
    /// `where T: P, T.E == Int`
    WhereClause = WHERE_CLAUSE { many requirements: GenericRequirement, }
    /// One requirement.
    GenericRequirement = GENERIC_REQUIREMENT { one attributes: AttributeList, tok colon_token: COLON, tok eq_eq_token: EQ_EQ, }
    /// `: A, B`
    InheritanceClause = INHERITANCE_CLAUSE { many types: Type, }
    /// `<Element>` of a protocol.
    PrimaryAssociatedTypeList = PRIMARY_ASSOCIATED_TYPE_LIST { many types: PrimaryAssociatedType, }
    /// One primary associated type.
    PrimaryAssociatedType = PRIMARY_ASSOCIATED_TYPE { tok name_token: IDENT, }
    /// Parameters of a function.
    ParamList = PARAM_LIST { many params: Param, tok r_paren_token: R_PAREN, }
    /// One parameter.
    Param = PARAM { one attributes: AttributeList, one ty: Type, one default_value: Initializer, tok ellipsis_token: ELLIPSIS, }
    /// `-> T`
    ReturnClause = RETURN_CLAUSE { one ty: Type, }
    /// `async throws(E)`
    Effects = EFFECTS { tok async_token: ASYNC_KW, tok reasync_token: REASYNC_KW, tok rethrows_token: RETHROWS_KW, one throws_clause: ThrowsClause, }
    /// `throws` or `throws(E)`
    ThrowsClause = THROWS_CLAUSE { one ty: Type, }
    /// `: T`
    TypeAnnotation = TYPE_ANNOTATION { one ty: Type, }
    /// `= value`
    Initializer = INITIALIZER { one value: Expr, }
    /// An expression as a statement.
    ExprStmt = EXPR_STMT { one expr: Expr, }
    /// `return value`
    ReturnStmt = RETURN_STMT { one value: Expr, }
    /// `throw value`
    ThrowStmt = THROW_STMT { one value: Expr, }
    /// `break label`
    BreakStmt = BREAK_STMT { tok label_token: IDENT, }
    /// `continue label`
    ContinueStmt = CONTINUE_STMT { tok label_token: IDENT, }
    /// `fallthrough`
    FallthroughStmt = FALLTHROUGH_STMT {  }
    /// `defer { }`
    DeferStmt = DEFER_STMT { one body: CodeBlock, }
    /// `guard conditions else { }`
    GuardStmt = GUARD_STMT { one conditions: ConditionList, one body: CodeBlock, }
    /// `while conditions { }`
    WhileStmt = WHILE_STMT { one conditions: ConditionList, one body: CodeBlock, }
    /// `repeat { } while condition`
    RepeatStmt = REPEAT_STMT { one body: CodeBlock, one condition: Expr, }
    /// `for pattern in sequence where guard { }`
    ForStmt = FOR_STMT { one pattern: Pattern, one type_annotation: TypeAnnotation, one sequence: Expr, one body: CodeBlock, tok try_token: TRY_KW, tok await_token: AWAIT_KW, tok case_token: CASE_KW, tok where_token: WHERE_KW, }
    /// `label: statement`
    LabeledStmt = LABELED_STMT { one label: Name, one statement: Stmt, }
    /// `yield &x` in an accessor.
    YieldStmt = YIELD_STMT { one value: Expr, }
    /// `then value`
    ThenStmt = THEN_STMT { one value: Expr, }
    /// `discard self`
    DiscardStmt = DISCARD_STMT { one value: Expr, }
    /// The conditions of `if`, `guard` and `while`.
    ConditionList = CONDITION_LIST { many conditions: Condition, }
    /// A Boolean condition.
    ExprCondition = EXPR_CONDITION { one expr: Expr, }
    /// `let x = y`
    BindingCondition = BINDING_CONDITION { one pattern: Pattern, one type_annotation: TypeAnnotation, one initializer: Initializer, tok let_token: LET_KW, tok var_token: VAR_KW, }
    /// `case pattern = value`
    CaseCondition = CASE_CONDITION { one pattern: Pattern, one type_annotation: TypeAnnotation, one initializer: Initializer, }
    /// `#available(…)`
    AvailabilityCondition = AVAILABILITY_CONDITION { many args: AvailabilityArg, tok available_token: POUND_AVAILABLE, tok unavailable_token: POUND_UNAVAILABLE, }
    /// A platform with its version, or `*`.
    AvailabilityArg = AVAILABILITY_ARG {  }
    /// `else { }` or `else if …`
    ElseClause = ELSE_CLAUSE { one body: CodeBlock, one else_if: IfExpr, }
    /// One `case` or `default` with its statements.
    SwitchCase = SWITCH_CASE { one attributes: AttributeList, many case_items: CaseItem, many items: Item, tok case_token: CASE_KW, tok default_token: DEFAULT_KW, }
    /// A pattern with its guard.
    CaseItem = CASE_ITEM { one pattern: Pattern, one guard: Expr, }
    /// `catch pattern where guard { }`
    CatchClause = CATCH_CLAUSE { many case_items: CaseItem, one guard: Expr, one body: CodeBlock, }
    /// `_`
    WildcardPattern = WILDCARD_PATTERN {  }
    /// A name that is bound.
    IdentPattern = IDENT_PATTERN { one name: Name, }
    /// `(a, b)`; one unlabelled element is a parenthesised pattern.
    TuplePattern = TUPLE_PATTERN { many elements: TuplePatternElement, }
    /// `label: pattern`
    TuplePatternElement = TUPLE_PATTERN_ELEMENT { one pattern: Pattern, }
    /// `let pattern`: bare names inside are bound.
    ValueBindingPattern = VALUE_BINDING_PATTERN { one pattern: Pattern, tok let_token: LET_KW, tok var_token: VAR_KW, }
    /// An expression that is compared with `~=`.
    ExprPattern = EXPR_PATTERN { one expr: Expr, }
    /// `is T`
    IsPattern = IS_PATTERN { one ty: Type, }
    /// `pattern as T`
    AsPattern = AS_PATTERN { one pattern: Pattern, one ty: Type, }
    /// `pattern?`
    OptionalPattern = OPTIONAL_PATTERN { one pattern: Pattern, }
    /// `.name(payload)` or `T.name(payload)`; without a payload it may also be a static member.
    EnumCasePattern = ENUM_CASE_PATTERN { one path: Expr, one payload: TuplePattern, }
    /// `Name<Args>`
    NamedType = NAMED_TYPE { one generic_args: GenericArgList, }
    /// `Base.Name<Args>`
    MemberType = MEMBER_TYPE { one base: Type, one generic_args: GenericArgList, }
    /// `T.Type` or `T.Protocol`
    MetatypeType = METATYPE_TYPE { one base: Type, tok type_token: TYPE_KW, tok protocol_token: PROTOCOL_TYPE_KW, }
    /// `[T]`
    ArrayType = ARRAY_TYPE { one element: Type, }
    /// `[K: V]`
    DictionaryType = DICTIONARY_TYPE { one key: Type, }
    /// `[3 of T]`
    InlineArrayType = INLINE_ARRAY_TYPE { one count: Type, }
    /// `T?`
    OptionalType = OPTIONAL_TYPE { one wrapped: Type, }
    /// `T!`
    IuoType = IUO_TYPE { one wrapped: Type, }
    /// `(T, U)`; one unlabelled element is a parenthesised type.
    TupleType = TUPLE_TYPE { many elements: TupleTypeElement, }
    /// `label name: T...`
    TupleTypeElement = TUPLE_TYPE_ELEMENT { one ty: Type, tok ellipsis_token: ELLIPSIS, one default_value: Initializer, }
    /// `(T) async throws -> U`
    FunctionType = FUNCTION_TYPE { one params: TupleType, one effects: Effects, }
    /// `P & Q`
    CompositionType = COMPOSITION_TYPE { many types: Type, }
    /// `some P`
    OpaqueType = OPAQUE_TYPE { one constraint: Type, }
    /// `any P`
    ExistentialType = EXISTENTIAL_TYPE { one constraint: Type, }
    /// `inout T`, `@escaping T`
    AttributedType = ATTRIBUTED_TYPE { many attributes: Attribute, many specifiers: TypeSpecifier, one base: Type, }
    /// `inout`, `borrowing` and their like.
    TypeSpecifier = TYPE_SPECIFIER {  }
    /// `repeat T`
    PackExpansionType = PACK_EXPANSION_TYPE { one pattern: Type, }
    /// `each T`
    PackElementType = PACK_ELEMENT_TYPE { one pack: Type, }
    /// `~Copyable`
    SuppressedType = SUPPRESSED_TYPE { one ty: Type, }
    /// `class` as a protocol's constraint.
    ClassConstraintType = CLASS_CONSTRAINT_TYPE {  }
    /// `_`
    WildcardType = WILDCARD_TYPE {  }
    /// An integer as a generic argument.
    IntegerType = INTEGER_TYPE { tok minus_token: MINUS, tok number_token: INT_NUMBER, }
    /// An integer literal; a minus before it is a prefix operator.
    IntegerLiteral = INTEGER_LITERAL { tok token: INT_NUMBER, }
    /// A floating point literal.
    FloatLiteral = FLOAT_LITERAL { tok token: FLOAT_NUMBER, }
    /// A string literal of any form.
    StringLiteral = STRING_LITERAL { many interpolations: Interpolation, tok start_token: STRING_START, tok end_token: STRING_END, }
    /// The text between interpolations.
    StringSegment = STRING_SEGMENT { tok token: STRING_TEXT, }
    /// `\(arguments)` in a string.
    Interpolation = INTERPOLATION { many args: Argument, }
    /// `true` or `false`
    BoolLiteral = BOOL_LITERAL { tok true_token: TRUE_KW, }
    /// `nil`
    NilLiteral = NIL_LITERAL {  }
    /// `/…/` or `#/…/#`
    RegexLiteral = REGEX_LITERAL { tok token: REGEX, }
    /// `[a, b]`; in a type's place `[T]`.
    ArrayExpr = ARRAY_EXPR { many elements: Expr, }
    /// `[k: v]`, `[:]`
    DictionaryExpr = DICTIONARY_EXPR { many elements: DictionaryElement, }
    /// `k: v`
    DictionaryElement = DICTIONARY_ELEMENT { one key: Expr, }
    /// `(a, label: b)`, `()`
    TupleExpr = TUPLE_EXPR { many args: Argument, }
    /// `(a)`
    ParenExpr = PAREN_EXPR { one arg: Argument, }
    /// A name: an identifier, `$0`, `Self`, `Any` or an operator as a value.
    IdentExpr = IDENT_EXPR { one name_args: DeclNameArgs, }
    /// `(a:b:)` behind a function's name.
    DeclNameArgs = DECL_NAME_ARGS {  }
    /// `this` (`self`)
    ThisExpr = THIS_EXPR {  }
    /// `super`
    SuperExpr = SUPER_EXPR {  }
    /// `base.name`, `base.0`, `base.this`, `base.init`
    MemberExpr = MEMBER_EXPR { one base: Expr, one name_args: DeclNameArgs, }
    /// `.name`
    ImplicitMemberExpr = IMPLICIT_MEMBER_EXPR { one name_args: DeclNameArgs, }
    /// `base<Args>`
    SpecializeExpr = SPECIALIZE_EXPR { one base: Expr, one generic_args: GenericArgList, }
    /// `callee(arguments) { } label: { }`
    CallExpr = CALL_EXPR { one callee: Expr, one args: ArgumentList, many labeled_trailing_closures: LabeledTrailingClosure, }
    /// `(a, label: b)` or `[a]`
    ArgumentList = ARGUMENT_LIST { many args: Argument, }
    /// `label: value`
    Argument = ARGUMENT { one value: Expr, }
    /// `label: { }`
    LabeledTrailingClosure = LABELED_TRAILING_CLOSURE { one closure: ClosureExpr, }
    /// `base[arguments]`
    SubscriptExpr = SUBSCRIPT_EXPR { one base: Expr, one args: ArgumentList, many labeled_trailing_closures: LabeledTrailingClosure, }
    /// `base?`
    OptionalChainExpr = OPTIONAL_CHAIN_EXPR { one base: Expr, }
    /// `base!`
    ForceUnwrapExpr = FORCE_UNWRAP_EXPR { one base: Expr, }
    /// `base…` with a postfix operator.
    PostfixExpr = POSTFIX_EXPR { one base: Expr, tok op_token: POSTFIX_OP, }
    /// `-operand`
    PrefixExpr = PREFIX_EXPR { one operand: Expr, tok op_token: PREFIX_OP, }
    /// `&operand`
    InoutExpr = INOUT_EXPR { one operand: Expr, }
    /// Operands and operators in turn, not yet grouped by precedence.
    SequenceExpr = SEQUENCE_EXPR { many elements: SequenceElement, }
    /// An infix operator of a sequence.
    BinaryOperator = BINARY_OPERATOR { tok op_token: BINARY_OP, }
    /// `=` of a sequence.
    AssignOperator = ASSIGN_OPERATOR {  }
    /// `? middle :` of a sequence.
    TernaryOperator = TERNARY_OPERATOR { one middle: Expr, }
    /// `is T` of a sequence; no operand follows.
    IsOperator = IS_OPERATOR { one ty: Type, }
    /// `as T`, `as? T`, `as! T` of a sequence; no operand follows.
    AsOperator = AS_OPERATOR { one ty: Type, tok question_token: POSTFIX_QUESTION, tok bang_token: POSTFIX_BANG, }
    /// `async throws ->` of a sequence that is a function type.
    ArrowOperator = ARROW_OPERATOR { one effects: Effects, }
    /// `try`, `try?`, `try!`; in a sequence it covers everything to its right.
    TryExpr = TRY_EXPR { one expr: Expr, tok question_token: POSTFIX_QUESTION, tok bang_token: POSTFIX_BANG, }
    /// `await operand`; in a sequence it covers everything to its right.
    AwaitExpr = AWAIT_EXPR { one expr: Expr, }
    /// `unsafe operand`; in a sequence it covers everything to its right.
    UnsafeExpr = UNSAFE_EXPR { one expr: Expr, }
    /// `consume x`
    ConsumeExpr = CONSUME_EXPR { one expr: Expr, }
    /// `copy x`
    CopyExpr = COPY_EXPR { one expr: Expr, }
    /// `_borrow x`
    BorrowExpr = BORROW_EXPR { one expr: Expr, }
    /// `each x`
    PackElementExpr = PACK_ELEMENT_EXPR { one expr: Expr, }
    /// `repeat each x`
    PackExpansionExpr = PACK_EXPANSION_EXPR { one expr: Expr, }
    /// A closure.
    ClosureExpr = CLOSURE_EXPR { one signature: ClosureSignature, many items: Item, tok l_brace_token: L_BRACE, tok r_brace_token: R_BRACE, }
    /// What stands before `in`.
    ClosureSignature = CLOSURE_SIGNATURE { one attributes: AttributeList, one captures: CaptureList, one params: ClosureParamList, one effects: Effects, one return_clause: ReturnClause, }
    /// `[weak this, x = y]`
    CaptureList = CAPTURE_LIST { many captures: Capture, }
    /// One capture.
    Capture = CAPTURE { one modifier: Modifier, one initializer: Initializer, }
    /// The parameters of a closure, with or without parentheses.
    ClosureParamList = CLOSURE_PARAM_LIST { many params: ClosureParam, tok l_paren_token: L_PAREN, }
    /// One parameter of a closure.
    ClosureParam = CLOSURE_PARAM { one attributes: AttributeList, one type_annotation: TypeAnnotation, tok ellipsis_token: ELLIPSIS, }
    /// `\Root.a[0]?.b`
    KeyPathExpr = KEY_PATH_EXPR { one root: Type, many components: KeyPathComponent, }
    /// `.name` of a key path.
    KeyPathProperty = KEY_PATH_PROPERTY { one name_args: DeclNameArgs, one generic_args: GenericArgList, }
    /// `[arguments]` of a key path.
    KeyPathSubscript = KEY_PATH_SUBSCRIPT { one args: ArgumentList, }
    /// `?` or `!` of a key path.
    KeyPathOptional = KEY_PATH_OPTIONAL { tok question_token: POSTFIX_QUESTION, tok bang_token: POSTFIX_BANG, }
    /// `(arguments)` of a key path.
    KeyPathCall = KEY_PATH_CALL { one args: ArgumentList, }
    /// `#name(…)`, also `#file`, `#line`, `#selector(…)`.
    MacroExpansionExpr = MACRO_EXPANSION_EXPR { tok name_token: IDENT, one generic_args: GenericArgList, one args: ArgumentList, one trailing_closure: ClosureExpr, many labeled_trailing_closures: LabeledTrailingClosure, }
    /// A type that cannot be read as an expression, such as `any P`.
    TypeExpr = TYPE_EXPR { one ty: Type, }
    /// `_`
    WildcardExpr = WILDCARD_EXPR {  }
    /// `base` with `#if` around members.
    PostfixIfConfigExpr = POSTFIX_IF_CONFIG_EXPR { one base: Expr, one config: IfConfig, }
    /// `if`, as a statement or a value.
    IfExpr = IF_EXPR { one conditions: ConditionList, one body: CodeBlock, one else_clause: ElseClause, }
    /// `switch`, as a statement or a value.
    SwitchExpr = SWITCH_EXPR { one subject: Expr, many cases: SwitchCase, many if_configs: IfConfig, tok l_brace_token: L_BRACE, tok r_brace_token: R_BRACE, }
    /// `do` with its catch clauses.
    DoExpr = DO_EXPR { one effects: Effects, one body: CodeBlock, many catch_clauses: CatchClause, }
}

ast_enums! {
    /// A declaration.
    Decl { ImportDecl, VarDecl, FnDecl, InitDecl, DeinitDecl, SubscriptDecl, StructDecl, ClassDecl, ActorDecl, EnumDecl, ProtocolDecl, ExtensionDecl, TypealiasDecl, AssociatedTypeDecl, EnumCaseDecl, OperatorDecl, PrecedenceGroupDecl, MacroDecl, MacroExpansionDecl, MissingDecl, }
    /// A statement; `if`, `switch` and `do` are expressions in an [`ExprStmt`].
    Stmt { ExprStmt, ReturnStmt, ThrowStmt, BreakStmt, ContinueStmt, FallthroughStmt, DeferStmt, GuardStmt, WhileStmt, RepeatStmt, ForStmt, LabeledStmt, YieldStmt, ThenStmt, DiscardStmt, }
    /// An expression.
    Expr { IntegerLiteral, FloatLiteral, StringLiteral, BoolLiteral, NilLiteral, RegexLiteral, ArrayExpr, DictionaryExpr, TupleExpr, ParenExpr, IdentExpr, ThisExpr, SuperExpr, MemberExpr, ImplicitMemberExpr, SpecializeExpr, CallExpr, SubscriptExpr, OptionalChainExpr, ForceUnwrapExpr, PostfixExpr, PrefixExpr, InoutExpr, SequenceExpr, TryExpr, AwaitExpr, UnsafeExpr, ConsumeExpr, CopyExpr, BorrowExpr, PackElementExpr, PackExpansionExpr, ClosureExpr, KeyPathExpr, MacroExpansionExpr, TypeExpr, WildcardExpr, PostfixIfConfigExpr, IfExpr, SwitchExpr, DoExpr, }
    /// A pattern.
    Pattern { WildcardPattern, IdentPattern, TuplePattern, ValueBindingPattern, ExprPattern, IsPattern, AsPattern, OptionalPattern, EnumCasePattern, }
    /// A type.
    Type { NamedType, MemberType, MetatypeType, ArrayType, DictionaryType, InlineArrayType, OptionalType, IuoType, TupleType, FunctionType, CompositionType, OpaqueType, ExistentialType, AttributedType, PackExpansionType, PackElementType, SuppressedType, ClassConstraintType, WildcardType, IntegerType, }
    /// One condition of `if`, `guard` or `while`.
    Condition { ExprCondition, BindingCondition, CaseCondition, AvailabilityCondition, }
    /// A component of a key path.
    KeyPathComponent { KeyPathProperty, KeyPathSubscript, KeyPathOptional, KeyPathCall, }
    /// An operator of a [`SequenceExpr`].
    SequenceOperator { BinaryOperator, AssignOperator, TernaryOperator, IsOperator, AsOperator, ArrowOperator, }
    /// What a file, a block or a closure consists of.
    Item { Decl, Stmt, IfConfig, SourceLocationDirective, }
    /// An operand or an operator of a [`SequenceExpr`].
    SequenceElement { SequenceOperator, Expr, }
}
