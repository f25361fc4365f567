<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Rail</name>
    <message>
        <source>Discover</source>
        <translation>見つける</translation>
    </message>
</context>
<context>
    <name>Discover</name>
    <message>
        <source>. </source>
        <translation>。</translation>
    </message>
    <message>
        <source>In your library</source>
        <translation>ライブラリーにあり</translation>
    </message>
    <message>
        <source>File</source>
        <translation>ファイル</translation>
    </message>
    <message>
        <source>Here, tok/s</source>
        <translation>ここでは（tok/s）</translation>
    </message>
    <message>
        <source>Quality lost</source>
        <translation>品質の低下</translation>
    </message>
    <message>
        <source>Not known</source>
        <translation>不明</translation>
    </message>
    <message>
        <source>Rough figures</source>
        <translation>概算</translation>
    </message>
    <message>
        <source>Gives vectors, no text</source>
        <translation>文章ではなくベクトルを返します</translation>
    </message>
    <message>
        <source>Speed not known yet</source>
        <translation>速度はまだ不明</translation>
    </message>
    <message>
        <source>{size}, {active} active</source>
        <translation>{size}（動作 {active}）</translation>
    </message>
    <message>
        <source>licence: see its page</source>
        <translation>ライセンスは配布ページに</translation>
    </message>
    <message>
        <source>licence not known</source>
        <translation>ライセンス不明</translation>
    </message>
    <message>
        <source>released {date}</source>
        <translation>{date} 公開</translation>
    </message>
    <message>
        <source>trained for {tokens} tokens</source>
        <translation>学習時 {tokens} トークン</translation>
    </message>
    <message>
        <source>{count} downloads a month</source>
        <translation>月 {count} ダウンロード</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>チャット</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>コード</translation>
    </message>
    <message>
        <source>Reasoning</source>
        <translation>推論</translation>
    </message>
    <message>
        <source>Vision</source>
        <translation>画像</translation>
    </message>
    <message>
        <source>Tools</source>
        <translation>ツール</translation>
    </message>
    <message>
        <source>Translation</source>
        <translation>翻訳</translation>
    </message>
    <message>
        <source>Embeddings</source>
        <translation>埋め込み</translation>
    </message>
    <message>
        <source>Reranking</source>
        <translation>再順位付け</translation>
    </message>
    <message>
        <source>Some of its figures are remembered, not read.</source>
        <translation>一部の数値は出典で確かめたものではありません。</translation>
    </message>
    <message>
        <source>Its shape is that of a sibling of the same size.</source>
        <translation>構造は同じ大きさの系列モデルのものです。</translation>
    </message>
    <message>
        <source>Its working memory is that of a similar architecture.</source>
        <translation>作業メモリーは似たアーキテクチャーの値です。</translation>
    </message>
    <message>
        <source>Fits on the GPU whole ({need} of {room})</source>
        <translation>全体が GPU に収まります（{room} のうち {need}）</translation>
    </message>
    <message>
        <source>Its experts lie in RAM ({host}), the rest on the GPU ({gpu})</source>
        <translation>エキスパートは RAM（{host}）、残りは GPU（{gpu}）に置きます</translation>
    </message>
    <message>
        <source>{layers} of {n_layers} layers fit on the GPU</source>
        <translation>{n_layers} 層のうち {layers} 層が GPU に収まります</translation>
    </message>
    <message>
        <source>Runs in RAM ({need} of {room})</source>
        <translation>RAM で動きます（{room} のうち {need}）</translation>
    </message>
    <message>
        <source>{rate} tok/s: speed class {class}</source>
        <translation>{rate} tok/s：速度クラス {class}</translation>
    </message>
    <message>
        <source>{rate} tok/s: slower than the {wished} wished for</source>
        <translation>{rate} tok/s：希望の {wished} より遅い</translation>
    </message>
    <message>
        <source>How fast is not known: nobody measured such a device</source>
        <translation>速度は不明です。このデバイスの測定値がありません</translation>
    </message>
    <message>
        <source>Trained in {quant}: this file is the whole model</source>
        <translation>{quant} で学習されたモデルで、このファイルがそのすべてです</translation>
    </message>
    <message>
        <source>Loses next to nothing (the same top token in ~{same} %)</source>
        <translation>低下はほぼありません（最有力トークンの一致 ~{same} %）</translation>
    </message>
    <message>
        <source>Loses little (the same top token in ~{same} %)</source>
        <translation>低下はわずかです（最有力トークンの一致 ~{same} %）</translation>
    </message>
    <message>
        <source>Loses visibly (the same top token in ~{same} %)</source>
        <translation>低下が目立ちます（最有力トークンの一致 ~{same} %）</translation>
    </message>
    <message>
        <source>Loses much (the same top token in ~{same} %)</source>
        <translation>大きく低下します（最有力トークンの一致 ~{same} %）</translation>
    </message>
    <message>
        <source>Hardly the same model any more (the same top token in ~{same} %)</source>
        <translation>もはや別のモデルです（最有力トークンの一致 ~{same} %）</translation>
    </message>
    <message>
        <source>With the KV cache in {kv_type}</source>
        <translation>KV キャッシュは {kv_type}</translation>
    </message>
    <message>
        <source>{quant} loses less and is {bytes} larger: it does not fit</source>
        <translation>{quant} なら低下は少なくなりますが、{bytes} 大きく、収まりません</translation>
    </message>
    <message>
        <source>{quant} loses less at {rate} tok/s</source>
        <translation>{quant} なら低下は少なく、{rate} tok/s です</translation>
    </message>
    <message>
        <source>Was trained for {trained} tokens of context</source>
        <translation>学習時のコンテキストは {trained} トークンまでです</translation>
    </message>
    <message>
        <source>Does not fit: {quant} alone has {size} of {room}</source>
        <translation>収まりません。{quant} だけで {room} に対し {size} あります</translation>
    </message>
    <message>
        <source>Only the engine can price its cache, from its file's header</source>
        <translation>キャッシュの大きさは、ファイルのヘッダーからエンジンにしかわかりません</translation>
    </message>
    <message>
        <source>slow</source>
        <translation>低速</translation>
    </message>
</context>
<context>
    <name>Filters</name>
    <message>
        <source>Chat</source>
        <translation>チャット</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>コード</translation>
    </message>
    <message>
        <source>Reasoning</source>
        <translation>推論</translation>
    </message>
    <message>
        <source>Vision</source>
        <translation>画像</translation>
    </message>
    <message>
        <source>Embeddings</source>
        <translation>埋め込み</translation>
    </message>
    <message>
        <source>Japanese</source>
        <translation>日本語</translation>
    </message>
    <message>
        <source>What for</source>
        <translation>用途</translation>
    </message>
    <message>
        <source>What runs here</source>
        <translation>ここで動くもの</translation>
    </message>
    <message>
        <source>Whole on the GPU</source>
        <translation>全体が GPU に載るもの</translation>
    </message>
    <message>
        <source>All models</source>
        <translation>すべてのモデル</translation>
    </message>
    <message>
        <source>How it fits</source>
        <translation>収まり方</translation>
    </message>
    <message>
        <source>Any speed</source>
        <translation>速度を問わない</translation>
    </message>
    <message>
        <source>{speed}+ tok/s (class {name})</source>
        <translation>{speed} tok/s 以上（クラス {name}）</translation>
    </message>
    <message>
        <source>How fast</source>
        <translation>速さ</translation>
    </message>
    <message>
        <source>{tokens} tokens of context</source>
        <translation>コンテキスト {tokens} トークン</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>コンテキスト</translation>
    </message>
</context>
<context>
    <name>ModelPanel</name>
    <message>
        <source>Copy the repository's name</source>
        <translation>リポジトリー名をコピー</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>ファイル</translation>
    </message>
    <message>
        <source>Load it with</source>
        <translation>読み込みの設定</translation>
    </message>
    <message>
        <source>Why this one</source>
        <translation>選ばれた理由</translation>
    </message>
    <message>
        <source>Read this file's header</source>
        <translation>このファイルのヘッダーを読む</translation>
    </message>
    <message>
        <source>Asks the hub for a few megabytes of the file. The engine then plans with its real layers instead of the catalogue's.</source>
        <translation>ハブからファイルの先頭を数メガバイトだけ取得します。エンジンはカタログの値ではなく実際の層で計画します。</translation>
    </message>
    <message>
        <source>These figures are rough</source>
        <translation>この数値は概算です</translation>
    </message>
    <message>
        <source>Reading the header</source>
        <translation>ヘッダーを読んでいます</translation>
    </message>
    <message>
        <source>{quant} (quality lost: {loss})</source>
        <translation>{quant}（品質の低下：{loss}）</translation>
    </message>
    <message>
        <source>It was trained in this type: the file is the whole model.</source>
        <translation>この型で学習されたモデルで、ファイルがそのすべてです。</translation>
    </message>
    <message>
        <source>What this type loses was never published.</source>
        <translation>この型での低下は公表されていません。</translation>
    </message>
    <message>
        <source>Loading…</source>
        <translation>読み込み中…</translation>
    </message>
</context>
<context>
    <name>DiscoverPage</name>
    <message>
        <source>Discover</source>
        <translation>見つける</translation>
    </message>
    <message>
        <source>Name or owner/name</source>
        <translation>名前、owner/name</translation>
    </message>
    <message>
        <source>Search the models, or name one at the hub</source>
        <translation>モデルを検索、またはハブの名前を入力</translation>
    </message>
    <message>
        <source>Look at this machine again</source>
        <translation>このマシンを調べ直す</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>Asking the hub</source>
        <translation>ハブに問い合わせています</translation>
    </message>
    <message>
        <source>Filters</source>
        <translation>絞り込み</translation>
    </message>
    <message>
        <source>Working out what runs on this machine…</source>
        <translation>このマシンで動くものを調べています…</translation>
    </message>
    <message>
        <source>None of these models fits into this machine's memory.</source>
        <translation>このマシンのメモリーに収まるモデルはありません。</translation>
    </message>
    <message>
        <source>Show them all</source>
        <translation>すべて表示</translation>
    </message>
    <message>
        <source>This machine has no GPU that models could lie on.</source>
        <translation>このマシンには、モデルを置ける GPU がありません。</translation>
    </message>
    <message>
        <source>Show what runs here</source>
        <translation>ここで動くものを表示</translation>
    </message>
    <message>
        <source>No model is like that on this machine.</source>
        <translation>このマシンでその条件に合うモデルはありません。</translation>
    </message>
    <message>
        <source>The engine in use cannot drive this machine's GPU</source>
        <translation>使用中のエンジンは、このマシンの GPU を使えません</translation>
    </message>
    <message>
        <source>The figures here are those with an engine that can.</source>
        <translation>ここの数値は、GPU を使えるエンジンでのものです。</translation>
    </message>
    <message>
        <source>Choose an engine</source>
        <translation>エンジンを選ぶ</translation>
    </message>
    <message>
        <source>How fast this machine computes is not known yet</source>
        <translation>このマシンの計算速度はまだわかっていません</translation>
    </message>
    <message>
        <source>A calibration takes less than a minute and downloads nothing.</source>
        <translation>較正は1分もかからず、何もダウンロードしません。</translation>
    </message>
    <message>
        <source>Calibrate</source>
        <translation>較正する</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>もう一度</translation>
    </message>
    <message>
        <source>{shown} of {all} models. Catalogue of {date}, its sizes of {sizes} and rounded. {unjudged} more cannot be judged before a file of theirs is read.</source>
        <translation>{all} モデル中 {shown} モデル。カタログは {date} 現在、サイズは {sizes} 現在の丸めた値です。ほかに {unjudged} モデルは、ファイルを読むまで判定できません。</translation>
    </message>
    <message>
        <source>Look up {name} on the hub</source>
        <translation>{name} をハブで調べる</translation>
    </message>
    <message>
        <source>Asks the hub for the files of {name} and reads a header</source>
        <translation>ハブに {name} のファイルを問い合わせ、ヘッダーを読みます</translation>
    </message>
</context>
</TS>
