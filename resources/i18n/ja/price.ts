<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>FitBadge</name>
    <message>
        <source>Full GPU</source>
        <translation>すべて GPU</translation>
    </message>
    <message>
        <source>Experts on CPU</source>
        <translation>エキスパートは CPU</translation>
    </message>
    <message>
        <source>Partial</source>
        <translation>一部 GPU</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>Won't fit</source>
        <translation>収まらない</translation>
    </message>
</context>
<context>
    <name>DeviceBar</name>
    <message>
        <source>Weights</source>
        <translation>重み</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV キャッシュ</translation>
    </message>
    <message>
        <source>Compute</source>
        <translation>計算用</translation>
    </message>
    <message>
        <source>Overhead</source>
        <translation>エンジン本体</translation>
    </message>
    <message>
        <source>Other programs</source>
        <translation>ほかのプログラム</translation>
    </message>
    <message>
        <source>Kept free</source>
        <translation>空けておく分</translation>
    </message>
    <message>
        <source>Free</source>
        <translation>空き</translation>
    </message>
</context>
<context>
    <name>LoadControls</name>
    <message>
        <source>Context</source>
        <translation>コンテキスト</translation>
    </message>
    <message>
        <source>Slots</source>
        <translation>スロット</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV キャッシュ</translation>
    </message>
    <message>
        <source>GPU layers</source>
        <translation>GPU に置く層</translation>
    </message>
    <message>
        <source>Experts in RAM</source>
        <translation>RAM のエキスパート</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>自動</translation>
    </message>
    <message>
        <source> tokens</source>
        <translation> トークン</translation>
    </message>
    <message>
        <source>How many layers lie on the GPU; the others are computed by the processor</source>
        <translation>GPU に置く層の数です。残りはプロセッサーが計算します</translation>
    </message>
    <message>
        <source>Of how many layers the experts stay in RAM; the rest lies on the GPU</source>
        <translation>エキスパートを RAM に置く層の数です。残りは GPU に置かれます</translation>
    </message>
    <message>
        <source> of {count}</source>
        <translation> / {count}</translation>
    </message>
</context>
<context>
    <name>PricePanel</name>
    <message>
        <source>As a table</source>
        <translation>表で見る</translation>
    </message>
    <message>
        <source>The next choices</source>
        <translation>次の選択肢</translation>
    </message>
    <message>
        <source>Working out what it takes…</source>
        <translation>必要な量を計算しています…</translation>
    </message>
    <message>
        <source>writing, {band}</source>
        <translation>生成、{band}</translation>
    </message>
    <message>
        <source>reading a prompt, {band}</source>
        <translation>プロンプトの読み取り、{band}</translation>
    </message>
</context>
<context>
    <name>MemoryTable</name>
    <message>
        <source>The engine's plan</source>
        <translation>エンジンの計画</translation>
    </message>
    <message>
        <source>Estimated</source>
        <translation>見積もり</translation>
    </message>
</context>
<context>
    <name>Price</name>
    <message>
        <source>Memory (RAM)</source>
        <translation>メモリー（RAM）</translation>
    </message>
    <message>
        <source>, </source>
        <translation>、</translation>
    </message>
    <message>
        <source>Speed: measured here with this model.</source>
        <translation>速度：このモデルでの実測値です。</translation>
    </message>
    <message>
        <source>Speed: from this machine's calibration.</source>
        <translation>速度：このマシンの較正によります。</translation>
    </message>
    <message>
        <source>Speed: from what others measured on such devices.</source>
        <translation>速度：同種のデバイスで公表された測定値によります。</translation>
    </message>
    <message>
        <source>Memory: the engine's own plan for this file.</source>
        <translation>メモリー：このファイルに対するエンジン自身の計画です。</translation>
    </message>
    <message>
        <source>Memory: estimated from the catalogue's figures of this model.</source>
        <translation>メモリー：カタログにあるこのモデルの数値からの見積もりです。</translation>
    </message>
    <message>
        <source>Memory: estimated from the file's header.</source>
        <translation>メモリー：ファイルのヘッダーからの見積もりです。</translation>
    </message>
    <message>
        <source>Only the engine can tell what this model takes.</source>
        <translation>このモデルに必要な量は、エンジンにしかわかりません。</translation>
    </message>
    <message>
        <source>{device} is too small: {need} needed, {room} can be used.</source>
        <translation>{device} が足りません。必要なのは {need}、使えるのは {room} です。</translation>
    </message>
    <message>
        <source>{device} sets the limit: {need} of {room} that can be used.</source>
        <translation>{device} が上限を決めます。使える {room} のうち {need} を使います。</translation>
    </message>
    <message>
        <source>{size} too little</source>
        <translation>{size} 不足</translation>
    </message>
    <message>
        <source>{count} slots</source>
        <translation>スロット {count}</translation>
    </message>
    <message>
        <source>1 slot</source>
        <translation>スロット 1</translation>
    </message>
    <message>
        <source>KV cache in {type}</source>
        <translation>KV キャッシュを {type} に</translation>
    </message>
    <message>
        <source>{tokens} tokens of context</source>
        <translation>コンテキスト {tokens} トークン</translation>
    </message>
    <message>
        <source>{size} more</source>
        <translation>{size} 増</translation>
    </message>
    <message>
        <source>{size} less</source>
        <translation>{size} 減</translation>
    </message>
    <message>
        <source>{rate} tok/s</source>
        <translation>{rate} tok/s</translation>
    </message>
    <message>
        <source>{change}: {outcome}</source>
        <translation>{change}：{outcome}</translation>
    </message>
    <message>
        <source>next to nothing</source>
        <translation>ほぼなし</translation>
    </message>
    <message>
        <source>little</source>
        <translation>わずか</translation>
    </message>
    <message>
        <source>visible</source>
        <translation>目立つ</translation>
    </message>
    <message>
        <source>much</source>
        <translation>大きい</translation>
    </message>
    <message>
        <source>too much</source>
        <translation>大きすぎる</translation>
    </message>
    <message>
        <source>The most likely token is the original model's in {value} of all cases, measured here.</source>
        <translation>最有力のトークンが元のモデルと一致する割合は {value} です（ここでの実測）。</translation>
    </message>
    <message>
        <source>The most likely token stays the original model's in {value} of all cases ({low} to {high} %). Expected from published measurements of other models.</source>
        <translation>最有力のトークンが元のモデルと一致する割合は {value}（{low}～{high} %）の見込みです。ほかのモデルの公表された測定値によります。</translation>
    </message>
</context>
</TS>
