// What the Mastodon API answers, as far as the web app reads it.
export interface Emoji {
    shortcode: string;
    url: string;
    static_url: string;
    visible_in_picker?: boolean;
    category?: string;
}
export interface Field {
    name: string;
    value: string;
    verified_at: string | null;
}
export interface Account {
    id: string;
    username: string;
    acct: string;
    display_name: string;
    locked: boolean;
    bot: boolean;
    note: string;
    url: string;
    avatar: string;
    avatar_static: string;
    header: string;
    created_at: string;
    followers_count: number;
    following_count: number;
    statuses_count: number;
    emojis: Emoji[];
    fields: Field[];
    limited?: boolean;
    suspended?: boolean;
    moved?: Account | null;
    roles?: { id: string; name: string }[];
    hide_collections?: boolean | null;
    discoverable?: boolean | null;
    indexable?: boolean;
    source?: {
        privacy: Visibility;
        sensitive: boolean;
        language: string | null;
        note: string;
        fields: Field[];
        follow_requests_count: number;
        quote_policy?: string;
    };
    role?: { id: string; name: string; permissions: string };
}
export type Visibility = "public" | "unlisted" | "private" | "direct";
export interface Media {
    id: string;
    type: "image" | "gifv" | "video" | "audio" | "unknown";
    url: string | null;
    preview_url: string | null;
    description: string | null;
    blurhash: string | null;
    meta?: { original?: { width?: number; height?: number }; small?: { width?: number; height?: number }; focus?: { x: number; y: number } } | null;
}
export interface Poll {
    id: string;
    expires_at: string | null;
    expired: boolean;
    multiple: boolean;
    votes_count: number;
    voters_count: number | null;
    options: { title: string; votes_count: number | null }[];
    voted?: boolean;
    own_votes?: number[];
}
export interface Card {
    url: string;
    title: string;
    description: string;
    provider_name: string;
    image: string | null;
}
export interface FilterResult {
    filter: { id: string; title: string; filter_action: "warn" | "hide" | "blur" };
    keyword_matches: string[] | null;
}
export interface Status {
    id: string;
    created_at: string;
    edited_at: string | null;
    in_reply_to_id: string | null;
    in_reply_to_account_id: string | null;
    sensitive: boolean;
    spoiler_text: string;
    visibility: Visibility;
    language: string | null;
    url: string | null;
    content: string;
    replies_count: number;
    reblogs_count: number;
    favourites_count: number;
    quotes_count?: number;
    account: Account;
    reblog: Status | null;
    media_attachments: Media[];
    mentions: { id: string; username: string; acct: string; url: string }[];
    tags: { name: string; url: string }[];
    emojis: Emoji[];
    poll: Poll | null;
    card: Card | null;
    quote?: { state: string; quoted_status?: Status | null } | null;
    quote_approval?: { current_user?: string } | null;
    application?: { name: string; website: string | null } | null;
    favourited?: boolean;
    reblogged?: boolean;
    bookmarked?: boolean;
    muted?: boolean;
    pinned?: boolean;
    filtered?: FilterResult[];
}
export interface Relationship {
    id: string;
    following: boolean;
    showing_reblogs: boolean;
    notifying: boolean;
    followed_by: boolean;
    blocking: boolean;
    blocked_by: boolean;
    muting: boolean;
    requested: boolean;
    requested_by?: boolean;
    domain_blocking: boolean;
    endorsed: boolean;
    note: string;
}
export interface NotificationGroup {
    group_key: string;
    notifications_count: number;
    type: string;
    most_recent_notification_id: string | number;
    latest_page_notification_at?: string;
    page_max_id?: string;
    sample_account_ids: string[];
    status_id?: string | null;
}
export interface GroupedNotifications {
    accounts: Account[];
    statuses: Status[];
    notification_groups: NotificationGroup[];
}
export interface Conversation {
    id: string;
    unread: boolean;
    accounts: Account[];
    last_status: Status | null;
}
export interface Tag {
    name: string;
    url: string;
    following?: boolean;
    history?: { day: string; uses: string; accounts: string }[];
}
export interface Instance {
    title: string;
    description: string;
    configuration: {
        urls: { streaming: string };
        vapid?: { public_key: string };
        statuses: { max_characters: number; max_media_attachments: number; characters_reserved_per_url: number };
        media_attachments: { supported_mime_types: string[]; image_size_limit: number; video_size_limit: number; description_limit?: number };
        polls: { max_options: number; max_characters_per_option: number; min_expiration: number; max_expiration: number };
    };
    rules?: { id: string; text: string; hint?: string }[];
}
export interface Draft {
    status: string;
    spoiler_text: string;
    visibility: Visibility;
    language: string;
    sensitive: boolean;
    in_reply_to_id: string | null;
    quoted_status_id: string | null;
    media: Media[];
    poll: { options: string[]; multiple: boolean; expires_in: number } | null;
    scheduled_at: string;
}
