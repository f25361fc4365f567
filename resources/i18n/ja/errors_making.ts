<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Errors</name>
    <message>
        <source>It ({tokenizer}) cuts texts up in a way the engine has no name for (fingerprint {hash}); a guess would make a model that reads wrongly.</source>
        <translation>このトークナイザー（{tokenizer}）は、エンジンが知らない方法でテキストを分割します（フィンガープリント {hash}）。推測で変換すると、正しく読めないモデルになります。</translation>
    </message>
    <message>
        <source>If the model was made from another one and reads as that one does, put that one's tokenizer files in place of its own. Else look for a GGUF file of it, or wait for a version of Paddock with a newer engine.</source>
        <translation>ほかのモデルから作られ、同じトークナイザーを使うモデルであれば、元のモデルのトークナイザーのファイルに置き換えてください。そうでなければ、このモデルの GGUF ファイルを探すか、新しいエンジンを備えた Paddock を待ってください。</translation>
    </message>
    <message>
        <source>{path} is a LoRA adapter</source>
        <translation>{path} は LoRA アダプターです</translation>
    </message>
    <message>
        <source>It changes another model ({base}); only that model's config says how.</source>
        <translation>別のモデル（{base}）を変更するもので、変換にはそのモデルの設定が必要です。</translation>
    </message>
    <message>
        <source>Name that model's folder, or its name on the hub, with --base. Its weights are not needed.</source>
        <translation>そのモデルのフォルダーか、ハブでの名前を --base で指定してください。重みは必要ありません。</translation>
    </message>
    <message>
        <source>The adapter {path} cannot be converted</source>
        <translation>アダプター {path} は変換できません</translation>
    </message>
    <message>
        <source>Merge it into its model with the program it was made with, and convert the merged model.</source>
        <translation>アダプターを作ったプログラムでモデルにマージし、マージしたモデルを変換してください。</translation>
    </message>
    <message>
        <source>The llama.cpp build in use has no {tool}</source>
        <translation>使用中の llama.cpp のビルドには {tool} がありません</translation>
    </message>
    <message>
        <source>It was built without it ({path}); builds that choose among CPU variants lack it.</source>
        <translation>このビルド（{path}）には含まれていません。CPU の種類に合わせて切り替わるビルドにはありません。</translation>
    </message>
    <message>
        <source>Choose another build with `paddock engine use` for this, or make one with `paddock engine build`.</source>
        <translation>`paddock engine use` で別のビルドを選ぶか、`paddock engine build` でビルドを作ってください。</translation>
    </message>
    <message>
        <source>{path} cannot be split like that</source>
        <translation>{path} はそのようには分割できません</translation>
    </message>
    <message>
        <source>Choose another size or number of tensors.</source>
        <translation>別のサイズまたはテンソル数を指定してください。</translation>
    </message>
</context>
</TS>
