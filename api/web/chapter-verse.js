/*! <chapter-verse>, built from api/web/element; sources sha256 8b1aafa689b29daf3be9bdff5a055515da32041106dc795230c8b2d1e23f5342

Contains lit, lit-html, lit-element and @lit/reactive-element:

BSD 3-Clause License

Copyright (c) 2017 Google LLC. All rights reserved.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

3. Neither the name of the copyright holder nor the names of its
   contributors may be used to endorse or promote products derived from
   this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.

Contains eventsource-parser:

MIT License

Copyright (c) 2026 Espen Hovlandsdal <espen@hovlandsdal.com>

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
*/
var e=globalThis,t=e.ShadowRoot&&(e.ShadyCSS===void 0||e.ShadyCSS.nativeShadow)&&`adoptedStyleSheets`in Document.prototype&&`replace`in CSSStyleSheet.prototype,n=Symbol(),r=/* @__PURE__ */ new WeakMap,i=class{constructor(e,t,r){if(this._$cssResult$=!0,r!==n)throw Error("CSSResult is not constructable. Use `unsafeCSS` or `css` instead.");this.cssText=e,this.t=t}get styleSheet(){let e=this.o,n=this.t;if(t&&e===void 0){let t=n!==void 0&&n.length===1;t&&(e=r.get(n)),e===void 0&&((this.o=e=new CSSStyleSheet).replaceSync(this.cssText),t&&r.set(n,e))}return e}toString(){return this.cssText}},a=e=>new i(typeof e==`string`?e:e+``,void 0,n),o=(e,...t)=>new i(e.length===1?e[0]:t.reduce((t,n,r)=>t+(e=>{if(!0===e._$cssResult$)return e.cssText;if(typeof e==`number`)return e;throw Error(`Value passed to 'css' function must be a 'css' function result: `+e+`. Use 'unsafeCSS' to pass non-literal values, but take care to ensure page security.`)})(n)+e[r+1],e[0]),e,n),s=(n,r)=>{if(t)n.adoptedStyleSheets=r.map(e=>e instanceof CSSStyleSheet?e:e.styleSheet);else for(let t of r){let r=document.createElement(`style`),i=e.litNonce;i!==void 0&&r.setAttribute(`nonce`,i),r.textContent=t.cssText,n.appendChild(r)}},c=t?e=>e:e=>e instanceof CSSStyleSheet?(e=>{let t=``;for(let n of e.cssRules)t+=n.cssText;return a(t)})(e):e,{is:l,defineProperty:u,getOwnPropertyDescriptor:d,getOwnPropertyNames:f,getOwnPropertySymbols:p,getPrototypeOf:m}=Object,h=globalThis,g=h.trustedTypes,_=g?g.emptyScript:``,v=h.reactiveElementPolyfillSupport,y=(e,t)=>e,b={toAttribute(e,t){switch(t){case Boolean:e=e?_:null;break;case Object:case Array:e=e==null?e:JSON.stringify(e)}return e},fromAttribute(e,t){let n=e;switch(t){case Boolean:n=e!==null;break;case Number:n=e===null?null:Number(e);break;case Object:case Array:try{n=JSON.parse(e)}catch{n=null}}return n}},ee=(e,t)=>!l(e,t),te={attribute:!0,type:String,converter:b,reflect:!1,useDefault:!1,hasChanged:ee};Symbol.metadata??=Symbol(`metadata`),h.litPropertyMetadata??=/* @__PURE__ */ new WeakMap;var x=class extends HTMLElement{static addInitializer(e){this._$Ei(),(this.l??=[]).push(e)}static get observedAttributes(){return this.finalize(),this._$Eh&&[...this._$Eh.keys()]}static createProperty(e,t=te){if(t.state&&(t.attribute=!1),this._$Ei(),this.prototype.hasOwnProperty(e)&&((t=Object.create(t)).wrapped=!0),this.elementProperties.set(e,t),!t.noAccessor){let n=Symbol(),r=this.getPropertyDescriptor(e,n,t);r!==void 0&&u(this.prototype,e,r)}}static getPropertyDescriptor(e,t,n){let{get:r,set:i}=d(this.prototype,e)??{get(){return this[t]},set(e){this[t]=e}};return{get:r,set(t){let a=r?.call(this);i?.call(this,t),this.requestUpdate(e,a,n)},configurable:!0,enumerable:!0}}static getPropertyOptions(e){return this.elementProperties.get(e)??te}static _$Ei(){if(this.hasOwnProperty(y(`elementProperties`)))return;let e=m(this);e.finalize(),e.l!==void 0&&(this.l=[...e.l]),this.elementProperties=new Map(e.elementProperties)}static finalize(){if(this.hasOwnProperty(y(`finalized`)))return;if(this.finalized=!0,this._$Ei(),this.hasOwnProperty(y(`properties`))){let e=this.properties,t=[...f(e),...p(e)];for(let n of t)this.createProperty(n,e[n])}let e=this[Symbol.metadata];if(e!==null){let t=litPropertyMetadata.get(e);if(t!==void 0)for(let[e,n]of t)this.elementProperties.set(e,n)}this._$Eh=/* @__PURE__ */ new Map;for(let[e,t]of this.elementProperties){let n=this._$Eu(e,t);n!==void 0&&this._$Eh.set(n,e)}this.elementStyles=this.finalizeStyles(this.styles)}static finalizeStyles(e){let t=[];if(Array.isArray(e)){let n=new Set(e.flat(1/0).reverse());for(let e of n)t.unshift(c(e))}else e!==void 0&&t.push(c(e));return t}static _$Eu(e,t){let n=t.attribute;return!1===n?void 0:typeof n==`string`?n:typeof e==`string`?e.toLowerCase():void 0}constructor(){super(),this._$Ep=void 0,this.isUpdatePending=!1,this.hasUpdated=!1,this._$Em=null,this._$Ev()}_$Ev(){this._$ES=new Promise(e=>this.enableUpdating=e),this._$AL=/* @__PURE__ */ new Map,this._$E_(),this.requestUpdate(),this.constructor.l?.forEach(e=>e(this))}addController(e){(this._$EO??=/* @__PURE__ */ new Set).add(e),this.renderRoot!==void 0&&this.isConnected&&e.hostConnected?.()}removeController(e){this._$EO?.delete(e)}_$E_(){let e=/* @__PURE__ */ new Map,t=this.constructor.elementProperties;for(let n of t.keys())this.hasOwnProperty(n)&&(e.set(n,this[n]),delete this[n]);e.size>0&&(this._$Ep=e)}createRenderRoot(){let e=this.shadowRoot??this.attachShadow(this.constructor.shadowRootOptions);return s(e,this.constructor.elementStyles),e}connectedCallback(){this.renderRoot??=this.createRenderRoot(),this.enableUpdating(!0),this._$EO?.forEach(e=>e.hostConnected?.())}enableUpdating(e){}disconnectedCallback(){this._$EO?.forEach(e=>e.hostDisconnected?.())}attributeChangedCallback(e,t,n){this._$AK(e,n)}_$ET(e,t){let n=this.constructor.elementProperties.get(e),r=this.constructor._$Eu(e,n);if(r!==void 0&&!0===n.reflect){let i=(n.converter?.toAttribute===void 0?b:n.converter).toAttribute(t,n.type);this._$Em=e,i==null?this.removeAttribute(r):this.setAttribute(r,i),this._$Em=null}}_$AK(e,t){let n=this.constructor,r=n._$Eh.get(e);if(r!==void 0&&this._$Em!==r){let e=n.getPropertyOptions(r),i=typeof e.converter==`function`?{fromAttribute:e.converter}:e.converter?.fromAttribute===void 0?b:e.converter;this._$Em=r;let a=i.fromAttribute(t,e.type);this[r]=a??this._$Ej?.get(r)??a,this._$Em=null}}requestUpdate(e,t,n,r=!1,i){if(e!==void 0){let a=this.constructor;if(!1===r&&(i=this[e]),n??=a.getPropertyOptions(e),!((n.hasChanged??ee)(i,t)||n.useDefault&&n.reflect&&i===this._$Ej?.get(e)&&!this.hasAttribute(a._$Eu(e,n))))return;this.C(e,t,n)}!1===this.isUpdatePending&&(this._$ES=this._$EP())}C(e,t,{useDefault:n,reflect:r,wrapped:i},a){n&&!(this._$Ej??=/* @__PURE__ */ new Map).has(e)&&(this._$Ej.set(e,a??t??this[e]),!0!==i||a!==void 0)||(this._$AL.has(e)||(this.hasUpdated||n||(t=void 0),this._$AL.set(e,t)),!0===r&&this._$Em!==e&&(this._$Eq??=/* @__PURE__ */ new Set).add(e))}async _$EP(){this.isUpdatePending=!0;try{await this._$ES}catch(e){Promise.reject(e)}let e=this.scheduleUpdate();return e!=null&&await e,!this.isUpdatePending}scheduleUpdate(){return this.performUpdate()}performUpdate(){if(!this.isUpdatePending)return;if(!this.hasUpdated){if(this.renderRoot??=this.createRenderRoot(),this._$Ep){for(let[e,t]of this._$Ep)this[e]=t;this._$Ep=void 0}let e=this.constructor.elementProperties;if(e.size>0)for(let[t,n]of e){let{wrapped:e}=n,r=this[t];!0!==e||this._$AL.has(t)||r===void 0||this.C(t,void 0,n,r)}}let e=!1,t=this._$AL;try{e=this.shouldUpdate(t),e?(this.willUpdate(t),this._$EO?.forEach(e=>e.hostUpdate?.()),this.update(t)):this._$EM()}catch(t){throw e=!1,this._$EM(),t}e&&this._$AE(t)}willUpdate(e){}_$AE(e){this._$EO?.forEach(e=>e.hostUpdated?.()),this.hasUpdated||(this.hasUpdated=!0,this.firstUpdated(e)),this.updated(e)}_$EM(){this._$AL=/* @__PURE__ */ new Map,this.isUpdatePending=!1}get updateComplete(){return this.getUpdateComplete()}getUpdateComplete(){return this._$ES}shouldUpdate(e){return!0}update(e){this._$Eq&&=this._$Eq.forEach(e=>this._$ET(e,this[e])),this._$EM()}updated(e){}firstUpdated(e){}};x.elementStyles=[],x.shadowRootOptions={mode:`open`},x[y(`elementProperties`)]=/* @__PURE__ */ new Map,x[y(`finalized`)]=/* @__PURE__ */ new Map,v?.({ReactiveElement:x}),(h.reactiveElementVersions??=[]).push(`2.1.2`);var S=globalThis,ne=e=>e,C=S.trustedTypes,re=C?C.createPolicy(`lit-html`,{createHTML:e=>e}):void 0,ie=`$lit$`,w=`lit$${Math.random().toFixed(9).slice(2)}$`,ae=`?`+w,oe=`<${ae}>`,T=document,E=()=>T.createComment(``),D=e=>e===null||typeof e!=`object`&&typeof e!=`function`,se=Array.isArray,ce=e=>se(e)||typeof e?.[Symbol.iterator]==`function`,O=`[ 	
\f\r]`,k=/<(?:(!--|\/[^a-zA-Z])|(\/?[a-zA-Z][^>\s]*)|(\/?$))/g,le=/-->/g,ue=/>/g,A=RegExp(`>|${O}(?:([^\\s"'>=/]+)(${O}*=${O}*(?:[^ \t\n\f\r"'\`<>=]|("|')|))|$)`,`g`),de=/'/g,fe=/"/g,pe=/^(?:script|style|textarea|title)$/i,j=(e=>(t,...n)=>({_$litType$:e,strings:t,values:n}))(1),M=Symbol.for(`lit-noChange`),N=Symbol.for(`lit-nothing`),me=/* @__PURE__ */ new WeakMap,P=T.createTreeWalker(T,129);function he(e,t){if(!se(e)||!e.hasOwnProperty(`raw`))throw Error(`invalid template strings array`);return re===void 0?t:re.createHTML(t)}var ge=(e,t)=>{let n=e.length-1,r=[],i,a=t===2?`<svg>`:t===3?`<math>`:``,o=k;for(let t=0;t<n;t++){let n=e[t],s,c,l=-1,u=0;for(;u<n.length&&(o.lastIndex=u,c=o.exec(n),c!==null);)u=o.lastIndex,o===k?c[1]===`!--`?o=le:c[1]===void 0?c[2]===void 0?c[3]!==void 0&&(o=A):(pe.test(c[2])&&(i=RegExp(`</`+c[2],`g`)),o=A):o=ue:o===A?c[0]===`>`?(o=i??k,l=-1):c[1]===void 0?l=-2:(l=o.lastIndex-c[2].length,s=c[1],o=c[3]===void 0?A:c[3]===`"`?fe:de):o===fe||o===de?o=A:o===le||o===ue?o=k:(o=A,i=void 0);let d=o===A&&e[t+1].startsWith(`/>`)?` `:``;a+=o===k?n+oe:l>=0?(r.push(s),n.slice(0,l)+ie+n.slice(l)+w+d):n+w+(l===-2?t:d)}return[he(e,a+(e[n]||`<?>`)+(t===2?`</svg>`:t===3?`</math>`:``)),r]},_e=class e{constructor({strings:t,_$litType$:n},r){let i;this.parts=[];let a=0,o=0,s=t.length-1,c=this.parts,[l,u]=ge(t,n);if(this.el=e.createElement(l,r),P.currentNode=this.el.content,n===2||n===3){let e=this.el.content.firstChild;e.replaceWith(...e.childNodes)}for(;(i=P.nextNode())!==null&&c.length<s;){if(i.nodeType===1){if(i.hasAttributes())for(let e of i.getAttributeNames())if(e.endsWith(ie)){let t=u[o++],n=i.getAttribute(e).split(w),r=/([.?@])?(.*)/.exec(t);c.push({type:1,index:a,name:r[2],strings:n,ctor:r[1]===`.`?ye:r[1]===`?`?be:r[1]===`@`?xe:L}),i.removeAttribute(e)}else e.startsWith(w)&&(c.push({type:6,index:a}),i.removeAttribute(e));if(pe.test(i.tagName)){let e=i.textContent.split(w),t=e.length-1;if(t>0){i.textContent=C?C.emptyScript:``;for(let n=0;n<t;n++)i.append(e[n],E()),P.nextNode(),c.push({type:2,index:++a});i.append(e[t],E())}}}else if(i.nodeType===8){if(i.data===ae)c.push({type:2,index:a});else{let e=-1;for(;(e=i.data.indexOf(w,e+1))!==-1;)c.push({type:7,index:a}),e+=w.length-1}}a++}}static createElement(e,t){let n=T.createElement(`template`);return n.innerHTML=e,n}};function F(e,t,n=e,r){if(t===M)return t;let i=r===void 0?n._$Cl:n._$Co?.[r],a=D(t)?void 0:t._$litDirective$;return i?.constructor!==a&&(i?._$AO?.(!1),a===void 0?i=void 0:(i=new a(e),i._$AT(e,n,r)),r===void 0?n._$Cl=i:(n._$Co??=[])[r]=i),i!==void 0&&(t=F(e,i._$AS(e,t.values),i,r)),t}var ve=class{constructor(e,t){this._$AV=[],this._$AN=void 0,this._$AD=e,this._$AM=t}get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u(e){let{el:{content:t},parts:n}=this._$AD,r=(e?.creationScope??T).importNode(t,!0);P.currentNode=r;let i=P.nextNode(),a=0,o=0,s=n[0];for(;s!==void 0;){if(a===s.index){let t;s.type===2?t=new I(i,i.nextSibling,this,e):s.type===1?t=new s.ctor(i,s.name,s.strings,this,e):s.type===6&&(t=new Se(i,this,e)),this._$AV.push(t),s=n[++o]}a!==s?.index&&(i=P.nextNode(),a++)}return P.currentNode=T,r}p(e){let t=0;for(let n of this._$AV)n!==void 0&&(n.strings===void 0?n._$AI(e[t]):(n._$AI(e,n,t),t+=n.strings.length-2)),t++}},I=class e{get _$AU(){return this._$AM?._$AU??this._$Cv}constructor(e,t,n,r){this.type=2,this._$AH=N,this._$AN=void 0,this._$AA=e,this._$AB=t,this._$AM=n,this.options=r,this._$Cv=r?.isConnected??!0}get parentNode(){let e=this._$AA.parentNode,t=this._$AM;return t!==void 0&&e?.nodeType===11&&(e=t.parentNode),e}get startNode(){return this._$AA}get endNode(){return this._$AB}_$AI(e,t=this){e=F(this,e,t),D(e)?e===N||e==null||e===``?(this._$AH!==N&&this._$AR(),this._$AH=N):e!==this._$AH&&e!==M&&this._(e):e._$litType$===void 0?e.nodeType===void 0?ce(e)?this.k(e):this._(e):this.T(e):this.$(e)}O(e){return this._$AA.parentNode.insertBefore(e,this._$AB)}T(e){this._$AH!==e&&(this._$AR(),this._$AH=this.O(e))}_(e){this._$AH!==N&&D(this._$AH)?this._$AA.nextSibling.data=e:this.T(T.createTextNode(e)),this._$AH=e}$(e){let{values:t,_$litType$:n}=e,r=typeof n==`number`?this._$AC(e):(n.el===void 0&&(n.el=_e.createElement(he(n.h,n.h[0]),this.options)),n);if(this._$AH?._$AD===r)this._$AH.p(t);else{let e=new ve(r,this),n=e.u(this.options);e.p(t),this.T(n),this._$AH=e}}_$AC(e){let t=me.get(e.strings);return t===void 0&&me.set(e.strings,t=new _e(e)),t}k(t){se(this._$AH)||(this._$AH=[],this._$AR());let n=this._$AH,r,i=0;for(let a of t)i===n.length?n.push(r=new e(this.O(E()),this.O(E()),this,this.options)):r=n[i],r._$AI(a),i++;i<n.length&&(this._$AR(r&&r._$AB.nextSibling,i),n.length=i)}_$AR(e=this._$AA.nextSibling,t){for(this._$AP?.(!1,!0,t);e!==this._$AB;){let t=ne(e).nextSibling;ne(e).remove(),e=t}}setConnected(e){this._$AM===void 0&&(this._$Cv=e,this._$AP?.(e))}},L=class{get tagName(){return this.element.tagName}get _$AU(){return this._$AM._$AU}constructor(e,t,n,r,i){this.type=1,this._$AH=N,this._$AN=void 0,this.element=e,this.name=t,this._$AM=r,this.options=i,n.length>2||n[0]!==``||n[1]!==``?(this._$AH=Array(n.length-1).fill(/* @__PURE__ */ new String),this.strings=n):this._$AH=N}_$AI(e,t=this,n,r){let i=this.strings,a=!1;if(i===void 0)e=F(this,e,t,0),a=!D(e)||e!==this._$AH&&e!==M,a&&(this._$AH=e);else{let r=e,o,s;for(e=i[0],o=0;o<i.length-1;o++)s=F(this,r[n+o],t,o),s===M&&(s=this._$AH[o]),a||=!D(s)||s!==this._$AH[o],s===N?e=N:e!==N&&(e+=(s??``)+i[o+1]),this._$AH[o]=s}a&&!r&&this.j(e)}j(e){e===N?this.element.removeAttribute(this.name):this.element.setAttribute(this.name,e??``)}},ye=class extends L{constructor(){super(...arguments),this.type=3}j(e){this.element[this.name]=e===N?void 0:e}},be=class extends L{constructor(){super(...arguments),this.type=4}j(e){this.element.toggleAttribute(this.name,!!e&&e!==N)}},xe=class extends L{constructor(e,t,n,r,i){super(e,t,n,r,i),this.type=5}_$AI(e,t=this){if((e=F(this,e,t,0)??N)===M)return;let n=this._$AH,r=e===N&&n!==N||e.capture!==n.capture||e.once!==n.once||e.passive!==n.passive,i=e!==N&&(n===N||r);r&&this.element.removeEventListener(this.name,this,n),i&&this.element.addEventListener(this.name,this,e),this._$AH=e}handleEvent(e){typeof this._$AH==`function`?this._$AH.call(this.options?.host??this.element,e):this._$AH.handleEvent(e)}},Se=class{constructor(e,t,n){this.element=e,this.type=6,this._$AN=void 0,this._$AM=t,this.options=n}get _$AU(){return this._$AM._$AU}_$AI(e){F(this,e)}},Ce={M:ie,P:w,A:ae,C:1,L:ge,R:ve,D:ce,V:F,I,H:L,N:be,U:xe,B:ye,F:Se},we=S.litHtmlPolyfillSupport;we?.(_e,I),(S.litHtmlVersions??=[]).push(`3.3.3`);var Te=(e,t,n)=>{let r=n?.renderBefore??t,i=r._$litPart$;if(i===void 0){let e=n?.renderBefore??null;r._$litPart$=i=new I(t.insertBefore(E(),e),e,void 0,n??{})}return i._$AI(e),i},R=globalThis,z=class extends x{constructor(){super(...arguments),this.renderOptions={host:this},this._$Do=void 0}createRenderRoot(){let e=super.createRenderRoot();return this.renderOptions.renderBefore??=e.firstChild,e}update(e){let t=this.render();this.hasUpdated||(this.renderOptions.isConnected=this.isConnected),super.update(e),this._$Do=Te(t,this.renderRoot,this.renderOptions)}connectedCallback(){super.connectedCallback(),this._$Do?.setConnected(!0)}disconnectedCallback(){super.disconnectedCallback(),this._$Do?.setConnected(!1)}render(){return M}};z._$litElement$=!0,z.finalized=!0,R.litElementHydrateSupport?.({LitElement:z});var Ee=R.litElementPolyfillSupport;Ee?.({LitElement:z}),(R.litElementVersions??=[]).push(`4.2.2`);var De={ATTRIBUTE:1,CHILD:2,PROPERTY:3,BOOLEAN_ATTRIBUTE:4,EVENT:5,ELEMENT:6},Oe=e=>(...t)=>({_$litDirective$:e,values:t}),ke=class{constructor(e){}get _$AU(){return this._$AM._$AU}_$AT(e,t,n){this._$Ct=e,this._$AM=t,this._$Ci=n}_$AS(e,t){return this.update(e,t)}update(e,t){return this.render(...t)}},{I:Ae}=Ce,je=e=>e,Me=()=>document.createComment(``),B=(e,t,n)=>{let r=e._$AA.parentNode,i=t===void 0?e._$AB:t._$AA;if(n===void 0)n=new Ae(r.insertBefore(Me(),i),r.insertBefore(Me(),i),e,e.options);else{let t=n._$AB.nextSibling,a=n._$AM,o=a!==e;if(o){let t;n._$AQ?.(e),n._$AM=e,n._$AP!==void 0&&(t=e._$AU)!==a._$AU&&n._$AP(t)}if(t!==i||o){let e=n._$AA;for(;e!==t;){let t=je(e).nextSibling;je(r).insertBefore(e,i),e=t}}}return n},V=(e,t,n=e)=>(e._$AI(t,n),e),Ne={},Pe=(e,t=Ne)=>e._$AH=t,Fe=e=>e._$AH,Ie=e=>{e._$AR(),e._$AA.remove()},Le=(e,t,n)=>{let r=/* @__PURE__ */ new Map;for(let i=t;i<=n;i++)r.set(e[i],i);return r},H=Oe(class extends ke{constructor(e){if(super(e),e.type!==De.CHILD)throw Error(`repeat() can only be used in text expressions`)}dt(e,t,n){let r;n===void 0?n=t:t!==void 0&&(r=t);let i=[],a=[],o=0;for(let t of e)i[o]=r?r(t,o):o,a[o]=n(t,o),o++;return{values:a,keys:i}}render(e,t,n){return this.dt(e,t,n).values}update(e,[t,n,r]){let i=Fe(e),{values:a,keys:o}=this.dt(t,n,r);if(!Array.isArray(i))return this.ut=o,a;let s=this.ut??=[],c=[],l,u,d=0,f=i.length-1,p=0,m=a.length-1;for(;d<=f&&p<=m;)if(i[d]===null)d++;else if(i[f]===null)f--;else if(s[d]===o[p])c[p]=V(i[d],a[p]),d++,p++;else if(s[f]===o[m])c[m]=V(i[f],a[m]),f--,m--;else if(s[d]===o[m])c[m]=V(i[d],a[m]),B(e,c[m+1],i[d]),d++,m--;else if(s[f]===o[p])c[p]=V(i[f],a[p]),B(e,i[d],i[f]),f--,p++;else if(l===void 0&&(l=Le(o,p,m),u=Le(s,d,f)),l.has(s[d])){if(l.has(s[f])){let t=u.get(o[p]),n=t===void 0?null:i[t];if(n===null){let t=B(e,i[d]);V(t,a[p]),c[p]=t}else c[p]=V(n,a[p]),B(e,i[d],n),i[t]=null;p++}else Ie(i[f]),f--}else Ie(i[d]),d++;for(;p<=m;){let t=B(e,c[m+1]);V(t,a[p]),c[p++]=t}for(;d<=f;){let e=i[d++];e!==null&&Ie(e)}return this.ut=o,Pe(e,c),M}}),Re=class extends Error{constructor(e,t){super(e),this.name=`ParseError`,this.type=t.type,this.field=t.field,this.value=t.value,this.line=t.line}},ze=10,Be=13,U=32;function W(e){}function Ve(e){if(typeof e==`function`)throw TypeError("`config` must be an object, got a function instead. Did you mean `createParser({onEvent: fn})`?");let{onEvent:t=W,onError:n=W,onRetry:r=W,onComment:i,maxBufferSize:a}=e,o=[],s=0,c=!0,l,u=``,d=0,f,p=!1;function m(e){if(p)throw Error("Cannot feed parser: it was terminated after exceeding the configured max buffer size. Call `reset()` to resume parsing.");if(c&&(c=!1,e.charCodeAt(0)===239&&e.charCodeAt(1)===187&&e.charCodeAt(2)===191&&(e=e.slice(3))),o.length===0){let t=g(e);t!==``&&(o.push(t),s=t.length),h();return}if(e.indexOf(`
`)===-1&&e.indexOf(`\r`)===-1){o.push(e),s+=e.length,h();return}o.push(e);let t=o.join(``);o.length=0,s=0;let n=g(t);n!==``&&(o.push(n),s=n.length),h()}function h(){a!==void 0&&(s+u.length<=a||(p=!0,o.length=0,s=0,l=void 0,u=``,d=0,f=void 0,n(new Re(`Buffered data exceeded max buffer size of ${a} characters`,{type:`max-buffer-size-exceeded`}))))}function g(e){let n=0;if(e.indexOf(`\r`)===-1){let r=e.indexOf(`
`,n);for(;r!==-1;){if(n===r){d>0&&t({id:l,event:f,data:u}),l=void 0,u=``,d=0,f=void 0,n=r+1,r=e.indexOf(`
`,n);continue}let i=e.charCodeAt(n);if(He(e,n,i)){let i=e.charCodeAt(n+5)===U?n+6:n+5,a=e.slice(i,r);if(d===0&&e.charCodeAt(r+1)===ze){t({id:l,event:f,data:a}),l=void 0,u=``,f=void 0,n=r+2,r=e.indexOf(`
`,n);continue}u=d===0?a:`${u}
${a}`,d++}else Ue(e,n,i)?f=e.slice(e.charCodeAt(n+6)===U?n+7:n+6,r)||void 0:_(e,n,r);n=r+1,r=e.indexOf(`
`,n)}return e.slice(n)}for(;n<e.length;){let t=e.indexOf(`\r`,n),r=e.indexOf(`
`,n),i=-1;if(t!==-1&&r!==-1?i=t<r?t:r:t===-1?r!==-1&&(i=r):i=t===e.length-1?-1:t,i===-1)break;_(e,n,i),n=i+1,e.charCodeAt(n-1)===Be&&e.charCodeAt(n)===ze&&n++}return e.slice(n)}function _(e,t,n){if(t===n){y();return}let r=e.charCodeAt(t);if(He(e,t,r)){let r=e.charCodeAt(t+5)===U?t+6:t+5,i=e.slice(r,n);u=d===0?i:`${u}
${i}`,d++;return}if(Ue(e,t,r)){f=e.slice(e.charCodeAt(t+6)===U?t+7:t+6,n)||void 0;return}if(r===105&&e.charCodeAt(t+1)===100&&e.charCodeAt(t+2)===58){let r=e.slice(e.charCodeAt(t+3)===U?t+4:t+3,n);r.includes(`\0`)||(l=r);return}if(r===58){if(i){let r=e.slice(t,n);i(r.slice(e.charCodeAt(t+1)===U?2:1))}return}let a=e.slice(t,n),o=a.indexOf(`:`);if(o===-1){v(a,``,a);return}let s=a.slice(0,o),c=a.charCodeAt(o+1)===U?2:1;v(s,a.slice(o+c),a)}function v(e,t,i){switch(e){case`event`:f=t||void 0;break;case`data`:u=d===0?t:`${u}
${t}`,d++;break;case`id`:t.includes(`\0`)||(l=t);break;case`retry`:/^\d+$/.test(t)?r(parseInt(t,10)):n(new Re(`Invalid \`retry\` value: "${t}"`,{type:`invalid-retry`,value:t,line:i}));break;default:n(new Re(`Unknown field "${e.length>20?`${e.slice(0,20)}\u2026`:e}"`,{type:`unknown-field`,field:e,value:t,line:i}))}}function y(){d>0&&t({id:l,event:f,data:u}),l=void 0,u=``,d=0,f=void 0}function b(e={}){if(e.consume&&o.length>0){let e=o.join(``);_(e,0,e.length)}c=!0,l=void 0,u=``,d=0,f=void 0,o.length=0,s=0,p=!1}return{feed:m,reset:b}}function He(e,t,n){return n===100&&e.charCodeAt(t+1)===97&&e.charCodeAt(t+2)===116&&e.charCodeAt(t+3)===97&&e.charCodeAt(t+4)===58}function Ue(e,t,n){return n===101&&e.charCodeAt(t+1)===118&&e.charCodeAt(t+2)===101&&e.charCodeAt(t+3)===110&&e.charCodeAt(t+4)===116&&e.charCodeAt(t+5)===58}var We=[`answered`,`partial`,`abstained`];function G(e){let t=e;if(typeof t!=`object`||!t||typeof t.id!=`string`||typeof t.question!=`string`||typeof t.answer!=`string`||!We.includes(t.status)||!Array.isArray(t.citations)||t.status===`abstained`!=(typeof t.abstention==`object`&&t.abstention!==null))throw TypeError(`The server sent an answer that is not whole.`);return t}var K=class extends Error{constructor(e,t,n,r=null,i=null){super(e),this.code=t,this.status=n,this.retryAfterS=r,this.requestId=i}},Ge=6e4,Ke=18e4,qe=class{constructor(e){this.base=e}async ask(e,t,n){let r=new AbortController,i=window.setTimeout(()=>r.abort(),Ke);try{return await this.streamed(e,t,AbortSignal.any([n,r.signal]),e=>{window.clearTimeout(i),i=e?window.setTimeout(()=>r.abort(),Ge):0})}catch(e){throw r.signal.aborted&&!n.aborted?new K(`The server has not been heard of for too long.`,`stalled`,0):e}finally{window.clearTimeout(i)}}async streamed(e,t,n,r){let i=await this.send(`/v1/ask`,{method:`POST`,headers:{"content-type":`application/json`,accept:`text/event-stream, application/json;q=0.9`},body:JSON.stringify(e),signal:n});if(!(i.headers.get(`content-type`)??``).startsWith(`text/event-stream`))return G(await i.json());let a=new Je(t),o=Ve({onEvent:e=>a.take(e.event??`message`,e.data)}),s=i.body.getReader(),c=new TextDecoder(`utf-8`,{fatal:!0});try{for(;;){r(!0);let{done:e,value:t}=await s.read();if(r(!1),e)break;if(o.feed(c.decode(t,{stream:!0})),a.record!==null)return a.record}}catch(e){throw e instanceof K||n.aborted?e:Ye(e)}finally{s.cancel().catch(()=>void 0)}throw Ye(null)}async document(e){return await this.json(`GET`,`/v1/documents/${encodeURIComponent(e)}`)}async someDocuments(){let e=await this.json(`GET`,`/v1/documents?limit=5`);return{titles:e.documents.map(e=>e.title.trim()||e.document_id),more:e.next_cursor!==null}}async json(e,t,n){let r=await this.send(t,{method:e,...n===void 0?{}:{headers:{"content-type":`application/json`},body:JSON.stringify(n)}});return r.status===204?null:r.json()}async send(e,t){let n;try{n=await fetch(this.base+e,{credentials:`same-origin`,...t})}catch(e){throw t.signal?.aborted?e:new K(`The server cannot be reached.`,`unreachable`,0)}if(!n.ok)throw await Xe(n);return n}},Je=class{constructor(e){this.watcher=e,this.record=null}take(e,t){let n=JSON.parse(t);if(e===`status`)this.watcher.status(n.stage);else if(e===`delta`)this.watcher.delta(String(n.text));else if(e===`citation`)this.watcher.citation(n);else if(e===`answer`)this.record=G(n);else if(e===`error`)throw Ze(n,Number(n.status)||0,null)}};function Ye(e){let t=new K(`The answer broke off before it was whole, so it cannot be relied on.`,`broken_off`,0);return t.cause=e,t}async function Xe(e){let t=Number(e.headers.get(`retry-after`)??NaN),n=null;try{n=await e.json()}catch{}return Ze(n,e.status,Number.isFinite(t)?t:null)}function Ze(e,t,n){let r=typeof e==`object`&&e?e:{},i=typeof r.detail==`string`?r.detail:`The server answered ${t}.`,a=typeof r.request_id==`string`?r.request_id:null;return new K(i,typeof r.code==`string`?r.code:`http_error`,t,n,a)}function q(e,t){e.updateComplete.then(()=>e.find(t)?.focus())}function J(e){return e instanceof K?e:new K(e instanceof Error?e.message:String(e),`page_failed`,0)}function Qe(e,t){let n=[],r=0,i=0;for(let a of t){if(!Number.isInteger(a)||a<i)throw RangeError(`offset ${a} is no whole number or comes after ${i}`);for(;i<a;){let t=e.codePointAt(r);if(t===void 0)throw RangeError(`offset ${a} lies past the text's ${i} code points`);r+=t>65535?2:1,i+=1}n.push(r)}return n}function $e(e){let t=0;for(let n of e)t+=1;return t}var et=/\[(\d{1,4})\]/g,tt=/\n\s*\n/;function nt(e,t,n){let r=at(e,n),i=[],a=0;for(let n of e.split(tt))a=e.indexOf(n,a),n.trim()!==``&&i.push(rt(n,a,t,r)),a+=n.length;return i}function rt(e,t,n,r){let i=[],a=0;for(let o of e.matchAll(et)){let s=Number(o[1]);n.has(s)&&(it(i,e,a,o.index,t,r),i.push({kind:`marker`,text:o[0],number:s}),a=o.index+o[0].length)}return it(i,e,a,e.length,t,r),i}function it(e,t,n,r,i,a){let o=/* @__PURE__ */ new Set([n,r]);for(let e of a)for(let t of[e.start-i,e.end-i])t>n&&t<r&&o.add(t);let s=[...o].sort((e,t)=>e-t);for(let n=0;n+1<s.length;n+=1){let r=s[n],o=s[n+1],c=a.some(e=>e.start-i<=r&&o<=e.end-i);e.push({kind:`text`,text:t.slice(r,o),supported:c})}}function at(e,t){let n=[...new Set(t.flatMap(e=>[e.start,e.end]))].sort((e,t)=>e-t),r=Qe(e,n),i=new Map(n.map((e,t)=>[e,r[t]]));return t.map(e=>({start:i.get(e.start),end:i.get(e.end)}))}var ot=`http://page.invalid`;function Y(e,t){let n=t===``?globalThis.location?.origin??ot:t;try{let t=new URL(e,n),r=new URL(n);return t.origin===r.origin&&t.pathname.startsWith(`/d/`)?t.href:null}catch{return null}}function st(e){if(e===null||!/^https?:\/\//i.test(e))return null;try{return new URL(e).href}catch{return null}}var ct=/[\\`*_{}[\]<>()#+\-!|~&$:@=]/g,lt=/^(\s*\d+)([.)])/gm;function ut(e,t){let n=e.citations.map(e=>`[${e.number}] “${e.cited_text}”\n    ${[...X(e),Y(e.viewer_url,t)??``].filter(Boolean).join(`, `)}`);return[e.answer,...n.length>0?[`Sources`,...n]:[]].join(`

`)+`
`}function dt(e,t){let n=new Map(e.citations.map(e=>[e.number,Y(e.viewer_url,t)])),r=e.answer.split(/(\[\d{1,4}\])/).map(e=>{let t=/^\[(\d{1,4})\]$/.exec(e)?.[1],r=t===void 0?void 0:n.get(Number(t));return r?`[\\[${t}\\]](${ht(r)})`:mt(e)}).join(``),i=e.citations.map(e=>{let t=n.get(e.number),[r,...i]=X(e).map(mt),a=[t?`[${r}](${ht(t)})`:r,...i].join(`, `),o=mt(e.cited_text).split(`
`).map(e=>`> ${e}`);return[`**\\[${e.number}\\]** ${a}`,``,...o].join(`
`)});return[r,...i.length>0?[`**Sources**`,...i]:[]].join(`

`)+`
`}function X(e){return[e.document_title.trim()||e.document_id,e.publisher??``,pt(e.published_at)].filter(e=>e!==``)}var ft=`January February March April May June July August September October November December`.split(` `);function pt(e){let t=e===null?null:/^(\d{4})-(\d{2})-(\d{2})(?:$|T)/.exec(e),n=t===null?void 0:ft[Number(t[2])-1];return t===null||n===void 0?e??``:`${Number(t[3])} ${n} ${t[1]}`}function mt(e){return e.replace(ct,`\\$&`).replace(lt,`$1\\$2`)}function ht(e){return e.replace(/[()<>\s]/g,e=>`%${e.charCodeAt(0).toString(16).toUpperCase()}`)}var gt=2e3,_t=[[`wrong_answer`,`The answer is wrong`],[`wrong_quote`,`A quote does not say that`],[`incomplete`,`Something is missing`],[`outdated`,`It is out of date`],[`should_have_abstained`,`The documents do not answer this`],[`other`,`Something else`]],vt=[[`should_have_answered`,`The documents do answer this`],[`other`,`Something else`]];function yt(e,t,n){return j`<form
    class="feedback"
    aria-label="What was wrong"
    @submit=${t=>{t.preventDefault(),n.sendFeedback(e,t.currentTarget)}}
    @keydown=${t=>{t.key===`Escape`&&(t.stopPropagation(),n.cancelFeedback(e))}}
  >
    <label
      >What was wrong?
      <select name="reason">
        ${(t.status===`abstained`?vt:_t).map(([e,t])=>j`<option value=${e}>${t}</option>`)}
      </select>
    </label>
    ${t.citations.length===0?N:j`<label
          >Which quote?
          <select name="citation">
            <option value="">None in particular</option>
            ${t.citations.map(e=>j`<option value=${e.number??``}>
                  [${e.number}] ${X(e)[0]}
                </option>`)}
          </select>
        </label>`}
    <label
      >Anything to add?
      <textarea name="comment" rows="2" maxlength=${gt}></textarea>
    </label>
    <div class="buttons">
      <button type="submit" class="primary" ?disabled=${e.feedback.sending}>Send</button>
      <button type="button" @click=${()=>n.cancelFeedback(e)}>Cancel</button>
    </div>
  </form>`}var bt={queued:`Asking`,retrieve:`Searching the documents`,read:`Reading what was found`,write:`Writing the answer`,verify:`Checking every quote`},xt={no_passages:`No passage of the documents fits this question.`,not_supported:`Passages on the subject were found, but none of them says what was asked.`,below_threshold:`Something came close, but not surely enough to be shown as an answer.`};function St(e,t,n){let{record:r}=e;return j`<article class="turn measure" id=${e.key} aria-labelledby="${e.key}-question">
    <h2 class="question" id="${e.key}-question" dir="auto" tabindex="-1">${e.question}</h2>
    ${r===null?Ct(e,t,n):Tt(e,r,t,n)}
  </article>`}function Ct(e,t,n){return j`${e.text===``?N:j`<div class="answer ${e.phase===`asking`?``:`unfinished`}" dir="auto">
        ${Et(e,e.text,e.cited,t,n)}
      </div>`}
  ${e.phase===`asking`?j`<p class="stage">${e.stage===null?`Asking`:bt[e.stage]??`Working`} …</p>`:N}
  ${e.phase===`stopped`?j`<div class="note">
        <p>
          ${e.why===``?`Stopped${e.text===``?`.`:`: what stands above is not the whole answer.`}`:`There is no answer. ${e.why}`}
        </p>
        <button type="button" @click=${()=>n.retry(e)}>Ask again</button>
      </div>`:N}
  ${e.problem===null?N:wt(e.problem,()=>n.retry(e))}`}function wt(e,t,n=`No answer was given`){let r=e.retryAfterS!==null&&e.retryAfterS>0?` Try again in ${e.retryAfterS} ${e.retryAfterS===1?`second`:`seconds`}.`:``;return j`<div class="note error" role="alert">
    <h3>${n}</h3>
    <p>${e.message}${r}</p>
    ${e.requestId===null?N:j`<p class="quiet">For the operator: request <span class="mono">${e.requestId}</span></p>`}
    ${t===null?N:j`<button type="button" @click=${t}>Try again</button>`}
  </div>`}function Tt(e,t,n,r){let i=t.standalone_question.trim();return j`${i!==``&&i!==t.question.trim()?j`<p class="quiet understood" dir="auto">Understood as: ${i}</p>`:N}
  ${t.short_answer===null||t.short_answer.trim()===t.answer_without_citations.trim()?N:j`<p class="short" dir="auto">${t.short_answer}</p>`}
  <div class="answer" dir="auto">${Et(e,t.answer,t.citations,n,r)}</div>
  ${t.missing.length>0?Ot(t.missing):N}
  ${t.disagreements.map(i=>kt(e,t,i,n,r))}
  ${t.abstention===null?N:At(e,t.abstention,n,r)}
  ${t.citations.length>0?jt(e,t,n,r):N}
  ${Pt(e,t,r)}
  ${e.feedback.asking?yt(e,t,r):N}
  ${Ft(t)}`}function Et(e,t,n,r,i){let a=new Map(n.map(e=>[e.number??0,e])),o=r!==null&&r.turn===e&&e.record!==null?r.citation:null;return nt(t,new Set(a.keys()),o?.answer_spans??[]).map(t=>j`<p>${t.map(t=>t.kind===`marker`?Dt(e,a.get(t.number),n,r,i):t.supported?j`<span class="supported">${t.text}</span>`:t.text)}</p>`)}function Dt(e,t,n,r,i){let a=Y(t.viewer_url,i.base),o=r!==null&&r.turn===e&&r.citation.id===t.id;return j`<a
    class="marker"
    data-citation=${t.id}
    href=${a??N}
    role=${a===null?`button`:N}
    tabindex=${a===null?`0`:N}
    aria-label="Quote ${t.number}: ${X(t)[0]}"
    aria-current=${o?`true`:N}
    @click=${r=>{r.metaKey||r.ctrlKey||r.shiftKey||r.altKey||(r.preventDefault(),i.openQuote(e,t,n,r.currentTarget))}}
    >[${t.number}]</a
  >`}function Ot(e){return j`<div class="note missing">
    <h3>Not answered by the sources</h3>
    <ul>
      ${e.map(e=>j`<li dir="auto">${e}</li>`)}
    </ul>
  </div>`}function kt(e,t,n,r,i){let a=new Map(t.citations.map(e=>[e.number,e]));return j`<div class="note disagreement">
    <h3>The sources disagree${n.about===``?``:j`: <span dir="auto">${n.about}</span>`}</h3>
    <ul>
      ${n.sides.map(n=>j`<li>
            <span dir="auto">${n.value}</span>${n.citations.map(n=>{let o=a.get(n);return o===void 0?` [${n}]`:j` ${Dt(e,o,t.citations,r,i)}`})}
          </li>`)}
    </ul>
  </div>`}function At(e,t,n,r){return j`<details class="why" open>
    <summary>Why was nothing found?</summary>
    <p class="quiet" dir="auto">
      ${xt[t.reason]??``} ${t.explanation??``}
      ${t.reason===`no_passages`?N:`The probability that the documents do not answer it: ${It(t.probability)}\u00a0%.`}
    </p>
    ${t.closest.length===0?N:j`<div class="closest">
          <h3>What came closest, though it does not answer</h3>
          <ul>
            ${H(t.closest,e=>e.id,i=>j`<li>
                  ${Mt(e,i,t.closest,n,r)}
                  <p class="quoted three-lines" dir="auto">${i.cited_text}</p>
                </li>`)}
          </ul>
        </div>`}
  </details>`}function jt(e,t,n,r){let i=Nt(t.answer_without_citations),a=/* @__PURE__ */ new Map;for(let e of t.citations)a.set(e.document_id,[...a.get(e.document_id)??[],e]);return j`<section class="sources" aria-label="Sources">
    <h3>Sources</h3>
    <ul>
      ${H(a.values(),e=>e[0]?.document_id,a=>j`<li>
            ${a.map(i=>j`${Dt(e,i,t.citations,n,r)} `)}
            ${Mt(e,a[0],t.citations,n,r)}
            ${a.filter(e=>!i.includes(Nt(e.cited_text))).map(e=>j`<p class="quoted three-lines" dir="auto">[${e.number}] ${e.cited_text}</p>`)}
          </li>`)}
    </ul>
  </section>`}function Mt(e,t,n,r,i){let[a,...o]=X(t),s=Y(t.viewer_url,i.base),c=r!==null&&r.turn===e&&r.citation.id===t.id;return j`<span class="source-line">
    <a
      data-citation=${t.id}
      href=${s??N}
      role=${s===null?`button`:N}
      tabindex=${s===null?`0`:N}
      aria-current=${c?`true`:N}
      dir="auto"
      @click=${r=>{r.metaKey||r.ctrlKey||r.shiftKey||r.altKey||(r.preventDefault(),i.openQuote(e,t,n,r.currentTarget))}}
      >${a}</a
    >${o.length>0?j`<span class="quiet" dir="auto"> · ${o.join(` · `)}</span>`:N}
  </span>`}function Nt(e){return e.replace(/\s?\[\d+\]/g,``).replace(/\s+/g,` `).trim()}function Pt(e,t,n){let{feedback:r}=e;return j`<div class="actions">
    <button type="button" class="plain" @click=${()=>n.copy(e,`text`)}>Copy</button>
    <button type="button" class="plain" @click=${()=>n.copy(e,`markdown`)}>Copy as Markdown</button>
    <span class="said">${e.copied}</span>
    <span class="apart said">${r.said}</span>
    <button
      type="button"
      class="plain up"
      aria-pressed=${r.verdict===`up`?`true`:`false`}
      ?disabled=${r.sending}
      @click=${()=>n.vote(e,`up`)}
    >
      ${t.status===`abstained`?`Rightly so`:`Helpful`}
    </button>
    <button
      type="button"
      class="plain down"
      aria-pressed=${r.verdict===`down`?`true`:`false`}
      aria-expanded=${r.asking?`true`:`false`}
      ?disabled=${r.sending}
      @click=${()=>n.vote(e,`down`)}
    >
      ${t.status===`abstained`?`They do say it`:`Not right`}
    </button>
  </div>`}function Ft(e){let{withheld:t,receipt:n}=e,r=[[t.not_found,`quoted words that are not in the documents`],[t.misattributed,`quoted words of another document`],[t.unsupported,`said more than their quotes do`]].filter(([e])=>e>0),i=[];if(e.confidence!==null&&i.push([`How sure`,`Answers like this one are right about ${It(e.confidence)} times in 100.`]),r.length>0){let e=r.map(([e,t])=>`${e} because ${e===1?`it`:`they`} ${t}`);i.push([`Withheld`,`Sentences not shown: ${e.join(`; `)}.`])}let a=e.timings_ms.total;return a!==void 0&&i.push([`Time`,a<1e3?`${Math.round(a)} ms`:`${(a/1e3).toFixed(1)} s`]),i.push([`Written by`,n.models.generator??`nobody: the sentences are the documents' own`]),i.push([`Index`,j`<span class="mono">${n.index_version}</span>`]),i.push([`Answer`,j`<span class="mono">${e.id}</span>`]),j`<details class="made">
    <summary>How this was made</summary>
    <dl class="quiet">
      ${i.map(([e,t])=>j`<div><dt>${e}</dt><dd>${t}</dd></div>`)}
    </dl>
  </details>`}function It(e){return Math.min(99,Math.max(1,Math.round(e*100)))}var Lt=2e4,Rt=/[.!?…:]["”»)]?\s*$|\n$/,zt=class{constructor(e,t){this.host=e,this.isShown=t,this.unspoken=``}async ask(e,t){let n=Vt(e.turns),r=new AbortController;e.running=r,e.turns=[...e.turns,t],this.unspoken=``,this.spoken()?.replaceChildren(),this.host.tell(`Asking`),this.host.requestUpdate(),this.host.updateComplete.then(()=>this.host.find(`#${t.key}`)?.scrollIntoView({block:`start`}));try{let i=await this.host.conversations.belonging(e,n),a=await this.host.client.ask({question:t.question,...i},{status:n=>{t.stage=n,this.tell(e,bt[n]??`Working`),this.host.requestUpdate()},delta:n=>{t.text+=n,this.speak(e,n),this.host.requestUpdate()},citation:e=>{t.cited=[...t.cited.filter(t=>t.id!==e.id),e],this.host.requestUpdate()}},r.signal);this.speak(e,`${t.text===``?a.answer:``}\n`),t.record=a,t.phase=`whole`,e.id=a.conversation_id??e.id,this.tell(e,Bt(a))}catch(n){r.signal.aborted?(t.phase=`stopped`,this.tell(e,`Stopped`)):(t.phase=`failed`,t.problem=J(n))}finally{e.running=null,this.host.requestUpdate()}}tell(e,t){this.isShown(e)&&this.host.tell(t)}speak(e,t){if(this.isShown(e)&&(this.unspoken+=t,Rt.test(this.unspoken)&&this.unspoken.trim()!==``)){let e=document.createElement(`p`);e.textContent=this.unspoken.replace(/\s*\[(\d{1,4})\]/g,` (quote $1)`).trim(),this.spoken()?.append(e),this.unspoken=``}}spoken(){return this.host.find(`[role="log"]`)}};function Bt(e){let t=e.citations.length;return e.status===`abstained`?`Nothing was found`:`The ${e.status===`partial`?`partial `:``}answer is there, with ${t} ${t===1?`quote`:`quotes`}`}function Vt(e){return e.filter(e=>e.record!==null).flatMap(e=>[{role:`user`,content:e.question},{role:`assistant`,content:(e.record?.answer??``).slice(0,Lt)}]).slice(-20)}var Ht=0;function Ut(e){return Ht+=1,{key:`turn-${Ht}`,question:e,phase:`asking`,stage:null,text:``,cited:[],record:null,problem:null,why:``,feedback:{verdict:null,asking:!1,sending:!1,said:``},copied:``}}function Wt(e,t){let n=Ut(e.question);return n.phase=`whole`,n.record=e,n.feedback.verdict=t,n}function Gt(e=null){return{id:e,turns:[],running:null,loading:!1,problem:null}}var Kt={client_gone:`It was stopped, or the connection was lost, before the answer was whole.`,timed_out:`It took too long.`,failed:`It failed.`,server_stopped:`The server was stopped meanwhile.`},qt=class{constructor(e){this.client=e,this.kept=null}async heads(e){try{let t=e===null?``:`?cursor=${encodeURIComponent(e)}`,n=await this.client.json(`GET`,`/v1/conversations${t}`);return this.kept=!0,{heads:n.conversations,next:n.next_cursor}}catch(e){if(e instanceof K&&e.status===404)return this.kept=!1,null;throw e}}async belonging(e,t){return this.kept===null&&await this.heads(null),this.kept?e.id===null?{store:!0}:{conversation_id:e.id}:{history:t}}async turns(e){return(await this.client.json(`GET`,Z(e))).turns.map(e=>{if(e.status===`complete`)return Wt(G(e.answer),e.feedback?.rating??null);let t=Ut(e.question);return t.phase=`stopped`,t.why=e.status===`started`?`It is being answered elsewhere, or was cut off.`:Kt[e.interrupted_by??``]??``,t})}async rename(e,t){await this.client.json(`PATCH`,Z(e),{title:t})}async remove(e){await this.client.json(`DELETE`,Z(e))}exportAddress(e){return`${this.client.base}${Z(e)}/export`}async feedback(e,t){await this.client.json(`POST`,`/v1/feedback`,{answer_id:e.id,rating:t.rating,...t.reason===``?{}:{reason:t.reason},...t.comment===``?{}:{comment:t.comment},...t.citationNumber===null?{}:{citation_number:t.citationNumber}})}};function Z(e){return`/v1/conversations/${encodeURIComponent(e)}`}var Jt=6e3,Yt=class{constructor(e){this.host=e}copy(e,t){if(e.record===null)return;let{base:n}=this.host.client,r=t===`text`?ut(e.record,n):dt(e.record,n),i=()=>this.said(e,`Copied`),a=()=>this.said(e,`The browser did not allow copying`);navigator.clipboard===void 0?Xt(r)?i():a():navigator.clipboard.writeText(r).then(i,a)}vote(e,t){e.feedback.verdict!==t&&(t===`up`?this.give(e,{rating:`up`,reason:``,comment:``,citationNumber:null}):(e.feedback.asking=!e.feedback.asking,this.host.requestUpdate(),e.feedback.asking&&q(this.host,`#${e.key} form.feedback select`)))}sendFeedback(e,t){let n=new FormData(t);this.give(e,{rating:`down`,reason:String(n.get(`reason`)??``),comment:String(n.get(`comment`)??``).trim(),citationNumber:Number(n.get(`citation`)??``)||null})}cancelFeedback(e){e.feedback.asking=!1,this.host.requestUpdate(),q(this.host,`#${e.key} button.down`)}async give(e,t){let{record:n,feedback:r}=e;if(n===null||r.sending)return;r.sending=!0,r.said=``,this.host.requestUpdate();try{await this.host.conversations.feedback(n,t),r.verdict=t.rating,r.asking=!1,r.said=`Thank you`}catch(e){r.said=`Not sent: ${J(e).message}`}finally{r.sending=!1}this.host.tell(r.said),this.host.requestUpdate();let i=t.rating===`up`?`button.up`:r.asking?`form.feedback button`:`button.down`;q(this.host,`#${e.key} ${i}`)}said(e,t){e.copied=t,this.host.tell(t),this.host.requestUpdate(),window.setTimeout(()=>{e.copied=``,this.host.requestUpdate()},Jt)}};function Xt(e){let t=t=>{t.clipboardData?.setData(`text/plain`,e),t.preventDefault(),t.stopImmediatePropagation()};document.addEventListener(`copy`,t,{capture:!0,once:!0});let n=document.execCommand(`copy`);return document.removeEventListener(`copy`,t,{capture:!0}),n}var Zt=8,Qt=class{constructor(e){this.host=e,this.open=null,this.documents=/* @__PURE__ */ new Map,this.opener=null}get base(){return this.host.client.base}openQuote(e,t,n,r){let i=()=>this.host.findAll(`#${e.key} [data-citation="${CSS.escape(t.id)}"]`),a=i().indexOf(r);this.opener=()=>i()[a],this.show(e,t,n)}step(e){if(this.open===null)return;let t=this.open.among[this.open.among.indexOf(this.open.citation)+e];t!==void 0&&this.show(this.open.turn,t,this.open.among)}closeQuote(){let e=this.opener;this.forget(),this.host.updateComplete.then(()=>{let t=e?.();t===void 0?q(this.host,`#question`):t.focus()})}forget(){this.open=null,this.opener=null,this.host.requestUpdate()}async show(e,t,n){let r=this.documents.get(t.document_id),i=r?.document_sha256===t.document_sha256?r:null,a={turn:e,citation:t,among:n,document:i,problem:null},o=this.open!==null;if(this.open=a,this.host.requestUpdate(),await this.host.updateComplete,o||this.host.find(`#source-title`)?.focus(),i===null)try{a.document=await this.host.client.document(t.document_id),this.keep(a.document)}catch(e){let t=J(e);a.problem=t.status===404?`This document is no longer among the sources.`:t.message}this.open===a&&(this.host.requestUpdate(),await this.host.updateComplete,this.bringIntoView(),this.host.tell(a.problem??`${t.number===null?`The passage`:`Quote ${t.number}`} is open in its document: ${t.cited_text}`))}bringIntoView(){let e=this.host.find(`.document mark`),t=this.host.find(`.document`);if(e===null||t===null)return;let n=e.getBoundingClientRect().height>t.clientHeight*.7;e.scrollIntoView({block:n?`start`:`center`})}keep(e){this.documents.delete(e.document_id),this.documents.set(e.document_id,e);let t=this.documents.keys().next();this.documents.size>Zt&&!t.done&&this.documents.delete(t.value)}},$t=o`
  :host {
    color-scheme: light dark;
    --paper: #fbfaf7;
    --raised: #f2f0ea;
    --ink: #1f2126;
    --quiet: #5c606a;
    --line: #dcd8ce;
    --link: #1d4f91;
    --mark: #ffe79a;
    --mark-edge: #c99a00;
    --mark-ink: #1f2126;
    --warn: #8a3b12;
    --focus: #1d4f91;
    --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif;
    --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "Noto Sans Mono", "Liberation Mono", monospace;

    display: block;
    position: relative;
    overflow: hidden;
    min-block-size: 20rem;
    background: var(--paper);
    color: var(--ink);
    font: 1.0625rem/1.65 var(--sans);
    overflow-wrap: anywhere;
  }

  @media (prefers-color-scheme: dark) {
    :host {
      --paper: #16181c;
      --raised: #1f2228;
      --ink: #e3e3df;
      --quiet: #a0a4ad;
      --line: #353941;
      --link: #9dc3ff;
      --mark: #524313;
      --mark-edge: #d9ae34;
      --mark-ink: #fdf3d3;
      --warn: #f0a27a;
      --focus: #9dc3ff;
    }
  }

  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }

  [hidden] {
    display: none !important;
  }

  a {
    color: var(--link);
    text-decoration-thickness: 0.06em;
    text-underline-offset: 0.18em;
  }

  a:hover {
    text-decoration-thickness: 0.12em;
  }

  :focus-visible {
    outline: 2px solid var(--focus);
    outline-offset: 2px;
  }

  [tabindex="-1"]:focus {
    outline: none;
  }

  .visually-hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  .quiet {
    color: var(--quiet);
    font-size: 0.875rem;
    line-height: 1.55;
  }

  button,
  .button {
    padding: 0.3rem 0.8rem;
    background: var(--paper);
    color: inherit;
    border: 1px solid var(--quiet);
    border-radius: 6px;
    font: inherit;
    font-size: 0.9375rem;
    line-height: 1.5;
    text-decoration: none;
    white-space: nowrap;
    cursor: pointer;
  }

  .two-lines,
  .three-lines {
    display: -webkit-box;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 2;
    overflow: hidden;
  }

  .three-lines {
    -webkit-line-clamp: 3;
  }

  button:hover,
  .button:hover {
    border-color: var(--ink);
  }

  button[aria-pressed="true"] {
    background: var(--ink);
    color: var(--paper);
    border-color: var(--ink);
  }

  button:disabled {
    color: var(--quiet);
    border-color: var(--line);
    cursor: default;
  }

  button.primary {
    background: var(--link);
    color: var(--paper);
    border-color: var(--link);
  }

  button.primary:disabled {
    background: var(--raised);
    color: var(--quiet);
    border-color: var(--line);
  }

  button.plain,
  a.plain {
    padding: 0.2rem 0.4rem;
    background: none;
    border-color: transparent;
    color: var(--quiet);
    font-size: 0.875rem;
  }

  a.plain {
    text-decoration: none;
  }

  button.plain:hover,
  a.plain:hover {
    color: var(--ink);
    text-decoration: underline;
    text-underline-offset: 0.2em;
  }

  button.plain[aria-pressed="true"] {
    color: var(--ink);
    border-color: var(--quiet);
  }

  input,
  select,
  textarea {
    max-inline-size: 100%;
    padding: 0.4rem 0.6rem;
    background: var(--paper);
    color: inherit;
    border: 1px solid var(--quiet);
    border-radius: 6px;
    font: inherit;
    font-size: 0.9375rem;
    line-height: 1.5;
  }

  /* Three columns where there is room: conversations, the conversation, a source. */

  .page {
    display: grid;
    grid-template: minmax(0, 1fr) / minmax(0, 1fr);
    block-size: 100%;
    min-block-size: inherit;
  }

  :host([size="wide"]) .page,
  :host([size="medium"]) .page {
    grid-template-columns: 16.5rem minmax(0, 1fr);
  }

  :host([size="wide"]) .page.with-source {
    grid-template-columns: 16.5rem minmax(0, 1fr) minmax(22rem, 34%);
  }

  /* A source then takes the place of the list. */
  :host([size="medium"]) .page.with-source {
    grid-template-columns: minmax(0, 1fr) minmax(20rem, 46%);
  }

  /* Conversations. */

  .conversations {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    padding: 1.1rem 0.75rem 1rem;
    background: var(--raised);
    border-inline-end: 1px solid var(--line);
    overflow-y: auto;
  }

  :host([size="narrow"]) .conversations {
    position: absolute;
    inset: 0;
    z-index: 3;
    border: 0;
  }

  .name {
    margin: 0 0.5rem 1rem;
    font-size: 1rem;
    font-weight: 650;
    line-height: 1.5;
    letter-spacing: -0.005em;
  }

  .conversations-head {
    display: flex;
    justify-content: space-between;
    align-items: baseline;
  }

  .conversations .new {
    margin-block-end: 1rem;
    text-align: start;
  }

  .conversations ul {
    margin: 0;
    padding: 0;
    list-style: none;
  }

  .conversations h2 {
    margin: 0 0.5rem 0.4rem;
    color: var(--quiet);
    font-size: 0.8125rem;
    font-weight: 400;
    letter-spacing: 0.02em;
  }

  .conversations .quiet {
    margin: 0.25rem 0.5rem;
  }

  .conversations .links {
    margin-block-start: auto;
    padding-block-start: 1.5rem;
  }

  .conversation {
    border-radius: 6px;
  }

  .conversation > button.open {
    inline-size: 100%;
    padding: 0.35rem 0.5rem;
    background: none;
    border-color: transparent;
    text-align: start;
    white-space: normal;
    line-height: 1.4;
  }

  .conversation > button.open:hover {
    background: var(--paper);
  }

  .conversation > button.open[aria-current] {
    background: var(--paper);
    border-color: var(--line);
    font-weight: 600;
  }

  .conversation .tools {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0 0.1rem;
    padding-inline-start: 0.1rem;
    margin-block-end: 0.4rem;
  }

  .conversation form {
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem;
    padding: 0.4rem 0.5rem;
  }

  .conversation form input {
    inline-size: 100%;
  }

  /* The conversation. */

  .talk {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    min-inline-size: 0;
  }

  .bar {
    display: flex;
    align-items: center;
    gap: 0.75rem;
    padding: 0.5rem 1rem;
    border-block-end: 1px solid var(--line);
  }

  .bar .name {
    margin: 0;
    flex: 1;
  }

  :host(:not([size="narrow"])) .bar {
    display: none;
  }

  .turns {
    flex: 1;
    min-block-size: 0;
    overflow-y: auto;
    padding: 1.75rem 1.25rem 2.5rem;
    scroll-padding-block: 1.25rem;
  }

  :host([size="narrow"]) .turns {
    padding: 1.1rem 1rem 1.75rem;
  }

  .measure {
    max-inline-size: 70ch;
    margin-inline: auto;
  }

  .welcome {
    padding-block: clamp(1rem, 12vh, 8rem) 1rem;
  }

  .welcome h1 {
    margin: 0 0 0.6rem;
    font-size: clamp(1.45rem, 1.1rem + 1.6vw, 2.05rem);
    font-weight: 650;
    line-height: 1.25;
    letter-spacing: -0.012em;
    text-wrap: balance;
  }

  .welcome ul {
    margin: 0.2rem 0 0;
    padding-inline-start: 1.2rem;
  }

  .turn + .turn {
    margin-block-start: 2.25rem;
    padding-block-start: 2rem;
    border-block-start: 1px solid var(--line);
  }

  .question {
    margin: 0 0 0.9rem;
    font-size: 1.25rem;
    font-weight: 650;
    line-height: 1.35;
    letter-spacing: -0.006em;
    white-space: pre-wrap;
    text-wrap: pretty;
    scroll-margin-block: 1.25rem;
  }

  .understood {
    margin: -0.6rem 0 0.9rem;
  }

  .short {
    margin: 0 0 0.5rem;
    font-size: 1.1875rem;
    font-weight: 600;
    line-height: 1.45;
  }

  .answer p {
    margin: 0 0 0.85em;
    white-space: pre-wrap;
  }

  .answer p:last-child {
    margin-block-end: 0.4em;
  }

  .answer.unfinished {
    color: var(--quiet);
  }

  .supported {
    background: var(--mark);
    color: var(--mark-ink);
    box-decoration-break: clone;
    -webkit-box-decoration-break: clone;
  }

  a.marker {
    display: inline-block;
    padding-inline: 0.1em;
    border-radius: 4px;
    font-size: 0.8125em;
    font-variant-numeric: tabular-nums;
    line-height: 1.6;
    text-align: center;
    text-decoration: none;
    white-space: nowrap;
  }

  a.marker:hover {
    text-decoration: underline;
  }

  a.marker[aria-current] {
    background: var(--mark);
    color: var(--mark-ink);
    box-shadow: 0 0.09em 0 var(--mark-edge);
  }

  .stage {
    display: flex;
    align-items: baseline;
    gap: 0.6rem;
    margin: 0.4rem 0;
    color: var(--quiet);
    font-size: 0.9375rem;
  }

  .stage::before {
    content: "";
    flex: none;
    inline-size: 0.55em;
    block-size: 0.55em;
    border-radius: 50%;
    background: currentColor;
  }

  @media (prefers-reduced-motion: no-preference) {
    .stage::before {
      animation: breathe 1.4s ease-in-out infinite;
    }

    @keyframes breathe {
      50% {
        opacity: 0.25;
      }
    }
  }

  .note {
    margin: 0.9rem 0;
    padding: 0.6rem 0.9rem;
    background: var(--raised);
    border-inline-start: 3px solid var(--quiet);
    border-radius: 0 6px 6px 0;
    font-size: 0.9375rem;
    line-height: 1.55;
  }

  .note > :first-child {
    margin-block-start: 0;
  }

  .note > :last-child {
    margin-block-end: 0;
  }

  .note p,
  .note ul {
    margin: 0.35rem 0;
  }

  .note ul {
    padding-inline-start: 1.2rem;
  }

  .note h3 {
    margin: 0;
    font-size: inherit;
    font-weight: 650;
  }

  .note.error {
    border-color: var(--warn);
  }

  .note.error h3 {
    color: var(--warn);
  }

  .note button {
    margin-block-start: 0.35rem;
  }

  .sources h3,
  .closest h3 {
    margin: 1.1rem 0 0.35rem;
    color: var(--quiet);
    font-size: 0.8125rem;
    font-weight: 400;
    letter-spacing: 0.02em;
  }

  .sources ul,
  .closest ul {
    margin: 0;
    padding: 0;
    list-style: none;
  }

  .sources li,
  .closest li {
    padding-block: 0.3rem;
    font-size: 0.9375rem;
    line-height: 1.5;
  }

  .sources .marker {
    font-size: 0.875rem;
  }

  .quoted {
    margin: 0.15rem 0 0;
    padding-inline-start: 0.7rem;
    border-inline-start: 2px solid var(--line);
    color: var(--ink);
    white-space: pre-line;
  }

  details {
    margin-block: 0.6rem;
  }

  summary {
    inline-size: fit-content;
    cursor: pointer;
    color: var(--quiet);
    font-size: 0.875rem;
  }

  summary:hover {
    color: var(--ink);
  }

  details dl {
    margin: 0.4rem 0;
  }

  details dl > div {
    display: grid;
    grid-template-columns: minmax(6rem, 9rem) minmax(0, 1fr);
    gap: 0 0.75rem;
  }

  details dd {
    margin: 0;
  }

  .mono {
    font-family: var(--mono);
    font-size: 0.9375em;
  }

  .actions {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.1rem 0.25rem;
    margin-block-start: 0.6rem;
    margin-inline-start: -0.4rem;
  }

  .actions .apart {
    margin-inline-start: auto;
  }

  .actions .said {
    color: var(--quiet);
    font-size: 0.875rem;
  }

  form.feedback {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 0.7rem;
    max-inline-size: 34rem;
    margin-block: 0.6rem;
    padding: 0.9rem;
    background: var(--raised);
    border-radius: 6px;
  }

  form.feedback label {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 0.2rem;
    font-size: 0.9375rem;
  }

  form.feedback select {
    inline-size: 100%;
    text-overflow: ellipsis;
  }

  form.feedback .buttons {
    display: flex;
    gap: 0.5rem;
  }

  /* The question box. */

  .ask {
    padding: 0.75rem 1.25rem 1rem;
    border-block-start: 1px solid var(--line);
  }

  :host([size="narrow"]) .ask {
    padding: 0.6rem 0.75rem 0.75rem;
  }

  .ask form {
    display: flex;
    align-items: end;
    gap: 0.6rem;
  }

  .ask textarea {
    flex: 1;
    min-inline-size: 0;
    min-block-size: calc(1.5em + 1.1rem + 2px);
    max-block-size: min(12em, 40vh);
    padding: 0.55rem 0.8rem;
    font-size: 1.0625rem;
    resize: none;
    field-sizing: content;
  }

  .ask button {
    padding: calc(0.55rem + 0.05em) 1.1rem;
    font-size: 1rem;
  }

  .ask .quiet {
    margin: 0.35rem 0 0;
  }

  .ask .quiet.over {
    color: var(--warn);
  }

  /* A source, beside the text. */

  .source {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    min-inline-size: 0;
    background: var(--paper);
    border-inline-start: 1px solid var(--line);
  }

  :host([size="narrow"]) .source {
    position: absolute;
    inset: 0;
    z-index: 2;
    border: 0;
  }

  .source header {
    padding: 0.9rem 1.25rem 0.8rem;
    background: var(--raised);
    border-block-end: 1px solid var(--line);
  }

  .source .top {
    display: flex;
    align-items: baseline;
    justify-content: space-between;
    gap: 1rem;
  }

  .source h2 {
    margin: 0;
    font-size: 1.0625rem;
    font-weight: 650;
    line-height: 1.35;
  }

  .source header p {
    margin: 0.25rem 0 0;
  }

  .source nav {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0.1rem 0.9rem;
    margin-block-start: 0.4rem;
    font-size: 0.875rem;
  }

  .source nav button.plain {
    padding-inline: 0;
    color: var(--link);
  }

  .source nav button.plain[aria-disabled="true"] {
    color: var(--quiet);
    text-decoration: none;
  }

  .document {
    flex: 1;
    min-block-size: 0;
    overflow-y: auto;
    padding: 1.25rem 1.25rem 3rem;
    font-size: 1rem;
  }

  .document p {
    margin: 0 0 0.9em;
    white-space: pre-wrap;
    tab-size: 4;
    unicode-bidi: plaintext;
    text-align: start;
  }

  mark {
    background: var(--mark);
    color: var(--mark-ink);
    box-shadow: 0 0.09em 0 var(--mark-edge);
    box-decoration-break: clone;
    -webkit-box-decoration-break: clone;
  }

  .excluded {
    color: var(--quiet);
    text-decoration: underline dotted 1px;
    text-underline-offset: 0.28em;
  }

  .excluded[data-reason]::before {
    content: "left out: " attr(data-reason);
    display: inline-block;
    max-inline-size: 100%;
    margin-inline-end: 0.45em;
    padding-inline: 0.45em;
    border: 1px dotted currentColor;
    border-radius: 4px;
    font-size: 0.75em;
    line-height: 1.5;
    text-decoration: none;
    white-space: normal;
  }

  @media (forced-colors: active) {
    mark,
    .supported,
    a.marker[aria-current] {
      background: Mark;
      color: MarkText;
      outline: 1px solid MarkText;
      forced-color-adjust: none;
    }

    .excluded {
      color: CanvasText;
    }
  }

  @media print {
    :host {
      overflow: visible;
    }

    .page {
      display: block;
    }

    .conversations,
    .bar,
    .ask,
    .actions,
    .source {
      display: none;
    }

    .turns {
      overflow: visible;
    }
  }
`,en=class{constructor(e,t){this.host=e,this.left=t,this.current=Gt(),this.list={heads:null,kept:!0,more:!1,problem:null,openId:null,renaming:null,deleting:null},this.listShown=!1,this.opened=/* @__PURE__ */ new Map,this.cursor=null}get narrow(){return this.host.narrow}exportAddress(e){return this.host.conversations.exportAddress(e)}stopAll(){for(let e of[this.current,...this.opened.values()])e.running?.abort()}newTalk(){this.show(Gt()),q(this.host,`#question`)}openTalk(e){this.openAndFocus(e)}openFromAddress(){let e=/^#c=(.+)$/.exec(window.location.hash)?.[1],t=e===void 0?null:tn(e);t!==null&&t!==this.current.id&&this.open(t)}async settled(e){e.id!==null&&(this.opened.set(e.id,e),e===this.current&&this.show(e)),await this.load()}async load(e=null){try{let t=await this.host.conversations.heads(e),n=e===null?[]:this.list.heads??[];this.cursor=t?.next??null,this.change(t===null?{kept:!1,heads:null}:{heads:[...n,...t.heads],more:t.next!==null,problem:null,openId:this.current.id})}catch(e){this.change({problem:`The list could not be loaded: ${J(e).message}`})}}moreTalks(){this.load(this.cursor)}showList(){this.listShown=!0,this.host.requestUpdate(),q(this.host,`.conversations button`)}closeList(){this.listShown=!1,this.host.requestUpdate(),q(this.host,`.show-list`)}startRename(e){this.change({renaming:e,deleting:null}),this.host.updateComplete.then(()=>{let e=this.host.find(`.conversation input`);e?.focus(),e?.select()})}renameTalk(e,t){t!==``&&this.attempt(async()=>{await this.host.conversations.rename(e,t);let n=(this.list.heads??[]).map(n=>n.id===e?{...n,title:t}:n);this.change({renaming:null,heads:n}),this.host.tell(`Renamed`),q(this.host,`.conversation [aria-current]`)})}startDelete(e){this.change({deleting:e,renaming:null}),q(this.host,`.conversation .confirm`)}removeTalk(e){this.attempt(async()=>{this.opened.get(e)?.running?.abort(),await this.host.conversations.remove(e),this.opened.delete(e),this.change({deleting:null,heads:(this.list.heads??[]).filter(t=>t.id!==e)}),this.current.id===e&&this.newTalk(),this.host.tell(`Deleted`)})}leaveTalkAlone(){this.change({renaming:null,deleting:null}),q(this.host,`.conversation [aria-current]`)}change(e){this.list={...this.list,...e},this.host.requestUpdate()}async attempt(e){try{await e(),this.change({problem:null})}catch(e){this.change({problem:J(e).message})}}show(e){if(e!==this.current&&this.left(),this.current=e,this.listShown=!1,this.change({openId:e.id,renaming:null,deleting:null}),this.host.keepInAddress){let t=e.id===null?``:`#c=${encodeURIComponent(e.id)}`;window.location.hash!==t&&window.history.replaceState(null,``,window.location.pathname+window.location.search+t)}}async openAndFocus(e){await this.open(e);let t=this.current.turns.at(-1);q(this.host,t===void 0?`#question`:`#${t.key}-question`)}async open(e){let t=this.opened.get(e);if(t!==void 0){this.show(t);return}let n=Gt(e);n.loading=!0,this.show(n);try{n.turns=await this.host.conversations.turns(e),this.opened.set(e,n)}catch(e){n.problem=J(e)}n.loading=!1,this.host.requestUpdate(),await this.host.updateComplete;let r=n.turns.at(-1);n===this.current&&r!==void 0&&this.host.find(`#${r.key}`)?.scrollIntoView({block:`start`})}};function tn(e){try{return decodeURIComponent(e)}catch{return null}}var nn=200;function rn(e,t){return j`<nav class="conversations" id="conversations" aria-label="Conversations">
    <div class="conversations-head">
      <p class="name">Chapter &amp; Verse</p>
      ${t.narrow?j`<button type="button" class="plain" @click=${()=>t.closeList()}>Close</button>`:N}
    </div>
    <button type="button" class="new" @click=${()=>t.newTalk()}>New conversation</button>
    ${e.kept?j`<h2>Earlier</h2>`:j`<p class="quiet">This server does not keep conversations.</p>`}
    ${e.problem===null?N:j`<p class="quiet" role="alert">${e.problem}</p>`}
    ${e.heads?.length===0?j`<p class="quiet">None yet.</p>`:N}
    <ul>
      ${H(e.heads??[],e=>e.id,n=>an(n,e,t))}
    </ul>
    ${e.more?j`<button type="button" class="plain" @click=${()=>t.moreTalks()}>Show more</button>`:N}
    <div class="links quiet"><slot name="links"></slot></div>
  </nav>`}function an(e,t,n){let r=e.title.trim()||`Untitled`,i=t.openId===e.id;return t.renaming===e.id?j`<li class="conversation">
      <form
        @submit=${t=>{t.preventDefault();let r=new FormData(t.currentTarget).get(`title`);n.renameTalk(e.id,String(r).trim())}}
        @keydown=${e=>{e.key===`Escape`&&(e.stopPropagation(),n.leaveTalkAlone())}}
      >
        <input name="title" aria-label="Title" required maxlength=${nn} .value=${e.title} />
        <button type="submit">Rename</button>
        <button type="button" @click=${()=>n.leaveTalkAlone()}>Cancel</button>
      </form>
    </li>`:j`<li class="conversation">
    <button
      type="button"
      class="open"
      aria-current=${i?`true`:N}
      @click=${()=>n.openTalk(e.id)}
    >
      <span class="two-lines" dir="auto">${r}</span>
    </button>
    ${i?on(e,t,n):N}
  </li>`}function on(e,t,n){return t.deleting===e.id?j`<div class="tools" role="group" aria-label="Delete this conversation?">
        <span class="quiet">Delete it?</span>
        <button type="button" class="plain confirm" @click=${()=>n.removeTalk(e.id)}>Yes, delete</button>
        <button type="button" class="plain" @click=${()=>n.leaveTalkAlone()}>Keep</button>
      </div>`:j`<div class="tools">
        <button type="button" class="plain" @click=${()=>n.startRename(e.id)}>Rename</button>
        <a class="plain" href=${n.exportAddress(e.id)} download>Export</a>
        <button type="button" class="plain" @click=${()=>n.startDelete(e.id)}>Delete</button>
      </div>`}var Q=4e4;function sn(e,t){let{text:n}=e,[r,i,a]=cn(n,t),o=a&&r>Q,s=n.length-i>Q*2,c=o?dn(n,r-Q):0,l=s?fn(n,Math.max(i,c)+Q):n.length,u=ln(e),d=[];for(let[e,t]of un(n,c,l)){let o=/* @__PURE__ */ new Set([e,t]);for(let n of[r,i,...u.flatMap(e=>[e.start,e.end])])n>e&&n<t&&o.add(n);let s=[...o].sort((e,t)=>e-t);d.push(s.slice(0,-1).map((e,t)=>{let o=s[t+1];return{text:n.slice(e,o),quoted:a&&r<=e&&o<=i,reason:u.find(t=>t.start<=e&&o<=t.end)?.reason??``}}))}return{paragraphs:d,cutBefore:o,cutAfter:s,verified:a}}function cn(e,t){try{let[n,r]=Qe(e,[t.start_char_index,t.end_char_index]);return[n,r,e.slice(n,r)===t.cited_text]}catch(e){if(!(e instanceof RangeError))throw e;return[0,0,!1]}}function ln(e){let t=[...new Set(e.excluded.flatMap(e=>[e.start_char_index,e.end_char_index]))].sort((e,t)=>e-t),n=Qe(e.text,t),r=new Map(t.map((e,t)=>[e,n[t]]));return e.excluded.map(e=>({start:r.get(e.start_char_index),end:r.get(e.end_char_index),reason:e.reason.replaceAll(`_`,` `)}))}function*un(e,t,n){let r=t;for(;r<n;){let t=e.indexOf(`
`,r),i=t===-1||t>n?n:t;e.slice(r,i).trim()!==``&&(yield[r,i]),r=i+1}}function dn(e,t){let n=e.lastIndexOf(`
`,t);return n>t-Q/2?n+1:pn(e,t)}function fn(e,t){let n=e.indexOf(`
`,t);return n!==-1&&n<t+Q/2?n:pn(e,t)}function pn(e,t){let n=e.charCodeAt(t);return n>=56320&&n<=57343?t-1:t}function mn(e,t){let{citation:n,among:r}=e,i=n.document_title.trim()||n.document_id,a=[n.publisher??``,pt(n.published_at)].filter(e=>e!==``),o=Y(n.viewer_url,t.base),s=st(n.url),c=r.indexOf(n);return j`<aside class="source" aria-labelledby="source-title">
    <header>
      <div class="top">
        <h2 id="source-title" class="three-lines" tabindex="-1" dir="auto">${i}</h2>
        <button type="button" class="close" @click=${()=>t.closeQuote()}>Close</button>
      </div>
      ${a.length>0?j`<p class="quiet" dir="auto">${a.join(` · `)}</p>`:N}
      <nav aria-label="Quotes">
        ${r.length>1?j`<button
                type="button"
                class="plain"
                aria-disabled=${c===0?`true`:`false`}
                @click=${()=>t.step(-1)}
              >
                Previous
              </button>
              <span class="quiet">${n.number===null?`Passage`:`Quote`} ${c+1} of ${r.length}</span>
              <button
                type="button"
                class="plain"
                aria-disabled=${c===r.length-1?`true`:`false`}
                @click=${()=>t.step(1)}
              >
                Next
              </button>`:N}
        ${o===null?N:j`<a href=${o} target="_blank" rel="noopener">Whole page</a>`}
        ${s===null?N:j`<a href=${s} target="_blank" rel="noopener noreferrer nofollow">Original</a>`}
      </nav>
    </header>
    <div class="document" tabindex="0" role="region" aria-label="The document's text">
      ${e.problem===null?e.document===null?j`<p class="stage">Opening the document …</p>`:hn(e,e.document):j`<div class="note error" role="alert"><p>${e.problem}</p></div>`}
    </div>
  </aside>`}function hn(e,t){let n=sn(t,e.citation);return j`${n.verified?N:j`<div class="note error" role="alert">
        <h3>The document has changed</h3>
        <p>These words were quoted from an earlier text of it, and no longer stand at that place:</p>
        <p class="quoted" dir="auto">${e.citation.cited_text}</p>
      </div>`}
  ${n.cutBefore?j`<p class="quiet">… the text before this is left out here; see the whole page.</p>`:N}
  <div lang=${_n(t.language)} dir="auto" class="document-text">${gn(n.paragraphs)}</div>
  ${n.cutAfter?j`<p class="quiet">… the text goes on; see the whole page.</p>`:N}`}function gn(e){let t=``;return e.map(e=>j`<p>${e.map(e=>{let n=e.reason!==``&&e.reason!==t;t=e.reason;let r=e.reason===``?e.text:j`<span
                class="excluded"
                title="left out of answers: ${e.reason}"
                data-reason=${n?e.reason:N}
                >${e.text}</span
              >`;return e.quoted?j`<mark>${r}</mark>`:r})}</p>`)}function _n(e){return e!==null&&/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(e)?e:``}var $=2e3,vn=704,yn=1152,bn=class extends z{static{this.styles=$t}static{this.properties={keepInAddress:{type:Boolean,attribute:`keep-in-address`},size:{type:String,reflect:!0},question:{state:!0},about:{state:!0},said:{state:!0}}}constructor(){super(),this.client=new qe(``),this.conversations=new qt(this.client),this.quotes=new Qt(this),this.talks=new en(this,()=>this.quotes.forget()),this.asking=new zt(this,e=>e===this.talks.current),this.opinions=new Yt(this),this.watchSize=new ResizeObserver(([e])=>{let t=e?.contentRect.width??0;this.size=t<vn?`narrow`:t<yn?`medium`:`wide`}),this.onFragment=()=>this.talks.openFromAddress(),this.onSubmit=e=>{e.preventDefault(),this.submit()},this.onQuestionKey=e=>{e.key===`Enter`&&!e.shiftKey&&!e.isComposing&&(e.preventDefault(),this.submit())},this.onKey=e=>{e.key!==`Escape`||e.defaultPrevented||(this.talks.listShown&&this.narrow?this.talks.closeList():this.quotes.open!==null&&this.quotes.closeQuote())},this.keepInAddress=!1,this.size=`narrow`,this.question=``,this.about=null,this.said=``}get base(){return this.client.base}get narrow(){return this.size===`narrow`}connectedCallback(){super.connectedCallback(),this.watchSize.observe(this),this.client=new qe((this.getAttribute(`base`)??``).replace(/\/+$/,``)),this.conversations=new qt(this.client),this.keepInAddress&&(window.addEventListener(`hashchange`,this.onFragment),this.talks.openFromAddress()),this.talks.load(),this.loadAbout()}disconnectedCallback(){super.disconnectedCallback(),this.watchSize.disconnect(),window.removeEventListener(`hashchange`,this.onFragment),this.talks.stopAll()}firstUpdated(){this.hasAttribute(`autofocus`)&&window.matchMedia(`(hover: hover)`).matches&&q(this,`#question`)}find(e){return this.renderRoot.querySelector(e)}findAll(e){return[...this.renderRoot.querySelectorAll(e)]}tell(e){this.said=e}openQuote(e,t,n,r){this.quotes.openQuote(e,t,n,r)}copy(e,t){this.opinions.copy(e,t)}vote(e,t){this.opinions.vote(e,t)}sendFeedback(e,t){this.opinions.sendFeedback(e,t)}cancelFeedback(e){this.opinions.cancelFeedback(e)}retry(e){let t=this.talks.current;t.running===null&&(t.turns=t.turns.filter(t=>t!==e),this.ask(t,e.question),q(this,`#question`))}submit(){let e=this.talks.current,t=this.question.trim(),n=$e(t);n===0||n>$||e.running!==null||e.loading||(this.question=``,this.ask(e,t))}async ask(e,t){await this.asking.ask(e,Ut(t)),await this.talks.settled(e)}async loadAbout(){try{this.about=await this.client.someDocuments()}catch{this.about=null}}render(){let{talks:e}=this,{open:t}=this.quotes,n=this.narrow&&e.listShown,r=this.narrow?!e.listShown:this.size===`medium`&&t!==null;return j`<div class="page ${t===null?``:`with-source`}" @keydown=${this.onKey}>
      <p class="visually-hidden" role="status">${this.said}</p>
      <div class="visually-hidden" role="log" aria-live="polite" aria-label="The answer as it is written"></div>
      ${r?N:rn(e.list,e)}
      <main class="talk" ?inert=${n||this.narrow&&t!==null}>
        <div class="bar">
          <p class="name">Chapter &amp; Verse</p>
          <button
            type="button"
            class="show-list"
            aria-expanded=${e.listShown?`true`:`false`}
            @click=${()=>e.showList()}
          >
            Conversations
          </button>
        </div>
        ${e.current.turns.length===0?N:j`<h1 class="visually-hidden">Conversation</h1>`}
        <div class="turns">${this.talkView(e.current)}</div>
        ${this.askView(e.current)}
      </main>
      ${t===null?N:mn(t,this.quotes)}
    </div>`}talkView(e){return e.loading?j`<p class="stage measure">Opening the conversation …</p>`:e.problem===null?e.turns.length===0?this.welcomeView():j`${H(e.turns,e=>e.key,e=>St(e,this.quotes.open,this))}`:j`<div class="measure">${wt(e.problem,null,`It cannot be opened`)}</div>`}welcomeView(){return j`<div class="welcome measure">
      <h1>Ask the documents</h1>
      <p>
        Every statement of an answer carries the words it rests on. A number such as [1] opens them where they
        stand; and where the documents do not say, neither does the answer.
      </p>
      ${this.about===null||this.about.titles.length===0?N:j`<div class="quiet">
            ${this.about.more?`Among the documents:`:`The documents:`}
            <ul>
              ${this.about.titles.map(e=>j`<li><span class="two-lines" dir="auto">${e}</span></li>`)}
            </ul>
          </div>`}
    </div>`}askView(e){let t=$e(this.question.trim()),n=t>$;return j`<div class="ask">
      <form class="measure" @submit=${this.onSubmit}>
        <textarea
          id="question"
          name="question"
          rows="1"
          dir="auto"
          aria-label="Question"
          aria-describedby="question-length"
          aria-invalid=${n?`true`:`false`}
          placeholder=${e.turns.length===0?`Ask a question`:`Ask further`}
          .value=${this.question}
          @input=${e=>{this.question=e.currentTarget.value}}
          @keydown=${this.onQuestionKey}
        ></textarea>
        ${e.running===null?j`<button type="submit" class="primary" ?disabled=${t===0||n}>Ask</button>`:j`<button type="button" class="stop" @click=${()=>e.running?.abort()}>Stop</button>`}
      </form>
      <p id="question-length" class="quiet measure ${n?`over`:``}" ?hidden=${t<$*.9}>
        ${t} of ${$} characters${n?`: too long to be asked`:``}
      </p>
    </div>`}};customElements.define(`chapter-verse`,bn);export{bn as ChapterVerse};