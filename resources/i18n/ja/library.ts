<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>LibraryPage</name>
    <message>
        <source>Library</source>
        <translation>ライブラリー</translation>
    </message>
    <message>
        <source>Filter</source>
        <translation>絞り込み</translation>
    </message>
    <message>
        <source>Filter the models</source>
        <translation>モデルを絞り込む</translation>
    </message>
    <message>
        <source>Look for models again</source>
        <translation>モデルを探し直す</translation>
    </message>
    <message>
        <source>Add…</source>
        <translation>追加…</translation>
    </message>
    <message>
        <source>Add folder…</source>
        <translation>フォルダーを追加…</translation>
    </message>
    <message>
        <source>Add file…</source>
        <translation>ファイルを追加…</translation>
    </message>
    <message>
        <source>None of these files can be loaded</source>
        <translation>読み込めるモデルがありません</translation>
    </message>
    <message>
        <source>Add a folder with GGUF models, or drop files anywhere in the window.</source>
        <translation>GGUF モデルの入ったフォルダーを追加するか、ウィンドウのどこかにファイルをドロップしてください。</translation>
    </message>
    <message>
        <source>Waiting for the service.</source>
        <translation>サービスの応答を待っています。</translation>
    </message>
    <message>
        <source>Reading the library…</source>
        <translation>ライブラリーを読み込んでいます…</translation>
    </message>
    <message>
        <source>No models yet. Add a folder, or drop a GGUF file anywhere.</source>
        <translation>モデルはまだありません。フォルダーを追加するか、GGUF ファイルをドロップしてください。</translation>
    </message>
    <message>
        <source>Add a folder with models</source>
        <translation>モデルの入ったフォルダーを追加</translation>
    </message>
    <message>
        <source>Add model files</source>
        <translation>モデルファイルを追加</translation>
    </message>
    <message>
        <source>GGUF models (*.gguf)</source>
        <translation>GGUF モデル (*.gguf)</translation>
    </message>
    <message>
        <source>{model} was added.</source>
        <translation>{model} を追加しました。</translation>
    </message>
    <message>
        <source>{count} models were added.</source>
        <translation>{count} 個のモデルを追加しました。</translation>
    </message>
    <message>
        <source>Nothing new was found there.</source>
        <translation>新しいモデルは見つかりませんでした。</translation>
    </message>
    <message>
        <source>{names}: not a GGUF model. Add files that end in .gguf, or folders.</source>
        <translation>{names} は GGUF モデルではありません。.gguf ファイルかフォルダーを追加してください。</translation>
    </message>
</context>
<context>
    <name>ModelList</name>
    <message>
        <source>Models</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>1 model, {size}</source>
        <translation>モデル 1 個、{size}</translation>
    </message>
    <message>
        <source>{count} models, {size}</source>
        <translation>モデル {count} 個、{size}</translation>
    </message>
    <message>
        <source>{count} cannot be read</source>
        <translation>読めないファイル {count} 個</translation>
    </message>
    <message>
        <source>{shown} of {all} shown</source>
        <translation>{all} 件中 {shown} 件を表示</translation>
    </message>
    <message>
        <source>Nothing matches “{words}”.</source>
        <translation>「{words}」に一致するモデルはありません。</translation>
    </message>
    <message>
        <source>Show all</source>
        <translation>すべて表示</translation>
    </message>
    <message>
        <source>Copy id</source>
        <translation>ID をコピー</translation>
    </message>
    <message>
        <source>Copy path</source>
        <translation>パスをコピー</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>フォルダーを開く</translation>
    </message>
</context>
<context>
    <name>LibraryRows</name>
    <message>
        <source>Model</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>パラメーター</translation>
    </message>
    <message>
        <source>Quant</source>
        <translation>量子化</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>サイズ</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>コンテキスト</translation>
    </message>
    <message>
        <source>Where</source>
        <translation>場所</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>HF cache</source>
        <translation>HF キャッシュ</translation>
    </message>
    <message>
        <source>Paddock</source>
        <translation>Paddock</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>フォルダー</translation>
    </message>
    <message>
        <source>Demo</source>
        <translation>デモ</translation>
    </message>
    <message>
        <source>Broken</source>
        <translation>破損</translation>
    </message>
    <message>
        <source>Embeddings</source>
        <translation>埋め込み</translation>
    </message>
    <message>
        <source>Projector</source>
        <translation>プロジェクター</translation>
    </message>
    <message>
        <source>Adapter</source>
        <translation>アダプター</translation>
    </message>
    <message>
        <source>Vocabulary</source>
        <translation>語彙のみ</translation>
    </message>
    <message>
        <source>Data</source>
        <translation>データ</translation>
    </message>
    <message>
        <source>Vision or audio</source>
        <translation>画像・音声</translation>
    </message>
    <message>
        <source>Loading {share}</source>
        <translation>読み込み中 {share}</translation>
    </message>
    <message>
        <source>Loaded</source>
        <translation>読み込み済み</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>読み込み中</translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>停止中</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>待機中</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失敗</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>読み込む</translation>
    </message>
    <message>
        <source>Unload</source>
        <translation>解放</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>中止</translation>
    </message>
    <message>
        <source>Kept</source>
        <translation>保持中</translation>
    </message>
    <message>
        <source>Starting again</source>
        <translation>再起動中</translation>
    </message>
</context>
<context>
    <name>DetailPanel</name>
    <message>
        <source>Close details</source>
        <translation>詳細を閉じる</translation>
    </message>
    <message>
        <source>Load anyway</source>
        <translation>それでも読み込む</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>中止</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>メモリ</translation>
    </message>
    <message>
        <source>About this file</source>
        <translation>このファイルについて</translation>
    </message>
    <message>
        <source>A smaller context, one slot, a smaller type of the KV cache or a smaller quant takes less.</source>
        <translation>コンテキストを小さくする、スロットを 1 にする、KV キャッシュの型を小さくする、またはより小さい量子化を選ぶと収まりやすくなります。</translation>
    </message>
    <message>
        <source>It is being taken out of memory.</source>
        <translation>メモリから解放しています。</translation>
    </message>
    <message>
        <source>A projector is loaded together with the model beside it.</source>
        <translation>プロジェクターは、同じ場所のモデルと一緒に読み込まれます。</translation>
    </message>
    <message>
        <source>An adapter changes a model; it cannot be loaded by itself.</source>
        <translation>アダプターはモデルを変化させるもので、単独では読み込めません。</translation>
    </message>
    <message>
        <source>This file holds only a vocabulary.</source>
        <translation>このファイルには語彙だけが入っています。</translation>
    </message>
    <message>
        <source>This file holds data for the engine's tools, not a model.</source>
        <translation>このファイルはモデルではなく、エンジンのツール用のデータです。</translation>
    </message>
    <message>
        <source>Context {context} tokens × {slots} slots, KV cache {kv}</source>
        <translation>コンテキスト {context} トークン × {slots} スロット、KV キャッシュ {kv}</translation>
    </message>
    <message>
        <source>It is loaded as soon as there is room for it.</source>
        <translation>場所が空きしだい読み込みます。</translation>
    </message>
    <message>
        <source>Its engine ended by itself and is started again in a moment.</source>
        <translation>エンジンが予期せず終了しました。まもなく再び起動します。</translation>
    </message>
</context>
<context>
    <name>LoadForm</name>
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
        <source>Automatic</source>
        <translation>自動</translation>
    </message>
    <message>
        <source> tokens</source>
        <translation> トークン</translation>
    </message>
    <message>
        <source>Tokens per request, the prompt and its answer together</source>
        <translation>リクエスト 1 件あたりのトークン数(プロンプトと回答の合計)</translation>
    </message>
    <message>
        <source>How many requests are answered at the same time</source>
        <translation>同時に回答するリクエストの数</translation>
    </message>
    <message>
        <source>A smaller type takes less memory per token and costs a little quality</source>
        <translation>型が小さいほどトークンあたりのメモリは減り、品質は少し下がります</translation>
    </message>
    <message>
        <source>Load again</source>
        <translation>読み込み直す</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>読み込む</translation>
    </message>
    <message>
        <source>Takes the model out and loads it with these settings</source>
        <translation>モデルを解放し、この設定で読み込み直します</translation>
    </message>
    <message>
        <source>Unload</source>
        <translation>解放</translation>
    </message>
</context>
<context>
    <name>MemoryTable</name>
    <message>
        <source>Predicted</source>
        <translation>予測</translation>
    </message>
    <message>
        <source>Measured</source>
        <translation>実測</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>重み</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV キャッシュ</translation>
    </message>
    <message>
        <source>Compute buffers</source>
        <translation>計算バッファー</translation>
    </message>
    <message>
        <source>Main memory</source>
        <translation>メインメモリ</translation>
    </message>
    <message>
        <source>Together</source>
        <translation>合計</translation>
    </message>
    <message>
        <source>The engine itself</source>
        <translation>エンジン本体</translation>
    </message>
</context>
<context>
    <name>Facts</name>
    <message>
        <source>Path</source>
        <translation>パス</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>Architecture</source>
        <translation>アーキテクチャ</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>パラメーター</translation>
    </message>
    <message>
        <source>Quant</source>
        <translation>量子化</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>サイズ</translation>
    </message>
    <message>
        <source>Trained context</source>
        <translation>学習時の最大長</translation>
    </message>
    <message>
        <source>Chat template</source>
        <translation>チャットテンプレート</translation>
    </message>
    <message>
        <source>Projector</source>
        <translation>プロジェクター</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>ライセンス</translation>
    </message>
    <message>
        <source>Repository</source>
        <translation>リポジトリ</translation>
    </message>
    <message>
        <source>Fingerprint</source>
        <translation>フィンガープリント</translation>
    </message>
    <message>
        <source>Other copies</source>
        <translation>ほかのコピー</translation>
    </message>
    <message>
        <source>Copy path</source>
        <translation>パスをコピー</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>フォルダーを開く</translation>
    </message>
    <message>
        <source>{quant}, {bits} bits per weight</source>
        <translation>{quant}、重みあたり {bits} ビット</translation>
    </message>
    <message>
        <source>{size} in {count} files</source>
        <translation>{size}({count} ファイル)</translation>
    </message>
    <message>
        <source>Yes</source>
        <translation>あり</translation>
    </message>
    <message>
        <source>None</source>
        <translation>なし</translation>
    </message>
    <message>
        <source>{count} tokens</source>
        <translation>{count} トークン</translation>
    </message>
</context>
<context>
    <name>StageColumn</name>
    <message>
        <source>Checking memory</source>
        <translation>メモリを確認</translation>
    </message>
    <message>
        <source>Reading file</source>
        <translation>ファイルを読み込み</translation>
    </message>
    <message>
        <source>Placing layers</source>
        <translation>レイヤーを配置</translation>
    </message>
    <message>
        <source>Warming up</source>
        <translation>ウォームアップ</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>準備完了</translation>
    </message>
</context>
<context>
    <name>ProgressRow</name>
    <message>
        <source>Cancel</source>
        <translation>中止</translation>
    </message>
</context>
<context>
    <name>DropOverlay</name>
    <message>
        <source>Drop GGUF files or folders to add them to the Library</source>
        <translation>GGUF ファイルやフォルダーをドロップすると、ライブラリーに追加されます</translation>
    </message>
</context>
<context>
    <name>ModelMenu</name>
    <message>
        <source>Keep loaded</source>
        <translation>読み込んだまま保持</translation>
    </message>
    <message>
        <source>Do not keep it loaded</source>
        <translation>保持をやめる</translation>
    </message>
</context>
</TS>
