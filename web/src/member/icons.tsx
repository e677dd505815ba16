// Line drawings of 24 by 24, in the colour of the words beside them.
const paths = {
    home: "M3 11l9-8 9 8M5 9.5V21h5v-6h4v6h5V9.5",
    search: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5L21 21",
    bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5a2.2 2.2 0 0 0 4 0",
    mail: "M3 5.5h18v13H3zM3.5 6l8.5 7 8.5-7",
    bookmark: "M6 3h12v18l-6-5-6 5z",
    star: "M12 3l2.8 5.9 6.4.8-4.7 4.4 1.2 6.4L12 17.4l-5.7 3.1 1.2-6.4L2.8 9.7l6.4-.8z",
    boost: "M7 4L3 8l4 4M3 8h13a3 3 0 0 1 3 3v2M17 20l4-4-4-4M21 16H8a3 3 0 0 1-3-3v-2",
    reply: "M9 6L3.5 11.5 9 17M4 11.5h9.5a6 6 0 0 1 6 6V19",
    quote: "M5 6h6v6c0 3-1.5 5-5 6M14 6h6v6c0 3-1.5 5-5 6",
    more: "M5 12h.01M12 12h.01M19 12h.01",
    pen: "M4 20l1-4L16.5 4.5l3 3L8 19zM14 7l3 3",
    user: "M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4 21c.5-4.5 3.5-7 8-7s7.5 2.5 8 7",
    people: "M9 5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM2.5 20c.3-4 2.8-6 6.5-6s6.2 2 6.5 6M16 5.5a3.3 3.3 0 0 1 0 6.3M18 14.5c2.2.8 3.3 2.7 3.5 5.5",
    list: "M4 6h16M4 12h16M4 18h10",
    gear: "M12 8.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM12 2.5v3M12 18.5v3M2.5 12h3M18.5 12h3M5.3 5.3l2.1 2.1M16.6 16.6l2.1 2.1M18.7 5.3l-2.1 2.1M7.4 16.6l-2.1 2.1",
    shield: "M12 3l8 3v6c0 4.5-3 7.5-8 9-5-1.5-8-4.5-8-9V6z",
    globe: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
    moon: "M20 14.5A8.5 8.5 0 1 1 9.5 4 7 7 0 0 0 20 14.5z",
    lock: "M6 11h12v9H6zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11",
    at: "M12 8.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM15.5 8.5v5a2.5 2.5 0 0 0 5 0V12a8.5 8.5 0 1 0-3.5 6.9",
    picture: "M3.5 5h17v14h-17zM4 17l5-5 4 4 2.5-2.5L20 18M15.5 8.5h.01",
    poll: "M5 20V10M12 20V4M19 20v-7",
    warning: "M12 4l9 16H3zM12 10v4.5M12 17.2v.01",
    clock: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 7v5l3.5 2",
    smile: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM8.5 14.5c1.8 2.3 5.2 2.3 7 0M9 9.5v.01M15 9.5v.01",
    close: "M6 6l12 12M18 6L6 18",
    pin: "M9 3h6l-1 6 4 4H6l4-4zM12 13v8",
    spark: "M12 3l1.8 6.2L20 11l-6.2 1.8L12 19l-1.8-6.2L4 11l6.2-1.8z",
    brain: "M9.5 4A3.5 3.5 0 0 0 6 7.5 3.5 3.5 0 0 0 4 13a3.5 3.5 0 0 0 5.5 5.5M14.5 4A3.5 3.5 0 0 1 18 7.5a3.5 3.5 0 0 1 2 5.5 3.5 3.5 0 0 1-5.5 5.5M12 4v16",
    back: "M14.5 5L8 12l6.5 7",
    check: "M5 12.5l4.5 4.5L19 7.5",
    trash: "M5 7h14M9.5 7V4h5v3M7 7l1 14h8l1-14",
    translate: "M4 6h9M8.5 4v2M11 6c-1 4-3.5 7-7 8.5M6 9c1 2.5 3 4 5.5 5M12 20l4-9 4 9M13.5 17h5",
    leaf: "M5 19C5 10 10 5 20 4c0 10-5 15-13 15M5 21c1-5 4-9 9-11",
    flag: "M5 21V4M5 5h13l-3 4.5 3 4.5H5",
    mute: "M4 9.5v5h4l5 4v-13l-5 4zM17 9.5l5 5M22 9.5l-5 5",
    block: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM5.7 5.7l12.6 12.6",
    download: "M12 3v12M7 10.5l5 5 5-5M4 20h16",
    chat: "M4 5h16v11H10l-5 4v-4H4zM8.5 10.5h.01M12 10.5h.01M15.5 10.5h.01",
    retry: "M19 12a7 7 0 1 1-2.2-5.1M17 3v4.5h-4.5",
    copy: "M9 9h11v11H9zM5 15H4V4h11v1",
    stop: "M7 7h10v10H7z",
    up: "M12 19V6M6 11.5L12 5.5l6 6",
    plus: "M12 5v14M5 12h14",
    menu: "M4 7h16M4 12h16M4 17h16",
} as const;
export type IconName = keyof typeof paths;

export function Icon({ name, fill = false }: { name: IconName; fill?: boolean }) {
    return (
        <svg class="icon" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" focusable="false">
            <path
                d={paths[name]}
                fill={fill ? "currentColor" : "none"}
                stroke="currentColor"
                stroke-width={name === "more" ? 3 : 1.8}
                stroke-linecap="round"
                stroke-linejoin="round"
            />
        </svg>
    );
}
